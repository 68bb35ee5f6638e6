import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { openEventSource } from '../../testing/event-source.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import { TEST_KEYS } from '../../testing/test-gateway.ts'
import { claimBroadcast, claimIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

describe.each(RUNTIMES)('viewers on %s', (runtime) => {
  let gateway: RuntimeGateway
  let ingest: SimulatedIngest
  let owner: TestUser
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { INGEST_WORKERS: '1' })
    owner = await signUp(gateway.api, 'broadcaster')
    await until(async () => {
      // A fetch runtime does its periodic work at a tick only.
      await tick()
      return (await gateway.workers()).includes('ingest-0')
    }, 'the ingest worker is launched')
    ingest = await claimIngest(gateway.url)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const tick = () =>
    gateway.api('POST', '/internal/v1/tick', undefined, { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY })

  /** Makes a broadcast on the air; `nameIn` returns the viewer that its playlist names, where it is read with a query. */
  async function startBroadcast() {
    const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
    const id: string = json.stream_id
    const { session } = await ingest.publish(json.stream_key)
    await (await claimBroadcast(gateway.url, id)).encode(session, 3)
    const read = async (name: string) => (await fetch(`${gateway.url}/live/${id}/${name}`)).text()
    const nameIn = async (query: string) =>
      /^360\.m3u8\?viewer=([0-9a-f]{40})$/m.exec(await read(`master.m3u8${query}`))?.[1] ?? ''
    const counted = async () => {
      await tick()
      const rows = await gateway.database.sql`select viewer_id from viewers where stream_id = ${id}`
      return rows.map((row) => row['viewer_id'])
    }
    return { id, read, nameIn, counted }
  }

  /** Returns ids that no gateway has made for the broadcast of the id `named`. */
  const forge = (named: string): string[] => [
    'a-viewer-of-its-own',
    `${'0'.repeat(16)}${named.slice(16)}`,
    `${named.slice(0, 39)}${named.endsWith('0') ? '1' : '0'}`,
    named.slice(0, 16),
    named.toUpperCase(),
    '',
  ]

  it('count where a gateway has named them for this broadcast, and others only play', async () => {
    const [{ read, nameIn, counted }, other] = [await startBroadcast(), await startBroadcast()]
    const named = await nameIn('')
    expect(named).toHaveLength(40)
    expect(await nameIn(`?viewer=${named}`)).toBe(named)
    expect(await read('master.m3u8?monitor=')).not.toContain('viewer=')
    const forged = [...forge(named), await other.nameIn('')]
    for (const name of forged) {
      const renamed = await nameIn(`?viewer=${name}`)
      expect(renamed).toHaveLength(40)
      expect(forged).not.toContain(renamed)
    }
    const play = async () => {
      for (const name of [...forged, named]) expect(await read(`360.m3u8?viewer=${name}`)).toContain('#EXTINF')
      return counted()
    }
    await expect.poll(play).toEqual([named])
    expect(await play()).toEqual([named])
  })

  it('are one as a page and its player', async () => {
    const { id, read, nameIn, counted } = await startBroadcast()
    // A fetch runtime has no pages.
    const page = runtime === 'node' ? await (await fetch(`${gateway.url}/watch/${id}`)).text() : null
    const named = page === null ? await nameIn('') : (/data-viewer="(\w+)"/.exec(page)?.[1] ?? '')
    expect(await nameIn(`?viewer=${named}`)).toBe(named)
    using _events = await openEventSource(`${gateway.url}/api/v1/streams/${id}/events?viewer=${named}`)
    const play = async () => {
      await read(`360.m3u8?viewer=${named}`)
      return counted()
    }
    await expect.poll(play).toEqual([named])
    expect(await play()).toEqual([named])
  })
})
