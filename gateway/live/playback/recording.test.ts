import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let owner: TestUser
let ingest: SimulatedIngest
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  owner = await signUp(gateway.api, 'broadcaster')
  ingest = await openIngest(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const api = (method: string, path: string, body?: unknown) => gateway.api(method, `/api/v1${path}`, body, owner.headers)

/** Makes a broadcast of 20 segments, of which viewers see the last 30 s. */
async function startBroadcast(more: object = {}) {
  const { json } = await api('POST', '/streams', { title: 'A show', dvr_sec: 0, ...more })
  const { session } = await ingest.publish(json.stream_key)
  const encoder = await claimBroadcast(gateway.url, json.stream_id)
  await encoder.encode(session, 20)
  const id: string = json.stream_id
  const read = async (name: string) => (await fetch(`${gateway.url}/live/${id}/${name}`)).text()
  const end = async () => {
    await api('PUT', `/streams/${id}/end`)
    await encoder.report({ finished_session: session })
  }
  const change = (body: object) => api('PATCH', `/streams/${id}`, body)
  return { read, end, change, sendMore: (count: number) => encoder.encode(session, count) }
}

/** Returns what a media playlist shows: its first number, how many segments, and whether it has an end. */
function describePlaylist(text: string): string {
  const first = /^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1]
  const end = text.includes('#EXT-X-ENDLIST') ? ' and the end' : ''
  return `${text.match(/^#EXTINF/gm)?.length} from ${first}${end}`
}

it('a broadcast that ends keeps the window of its viewers, and is a recording from its beginning for new ones', async () => {
  const { read, end } = await startBroadcast()
  expect(describePlaylist(await read('360.m3u8'))).toBe('16 from 4')
  expect(await read('master.m3u8?monitor=')).toMatch(/\n360\.m3u8\n/)
  await end()
  await expect.poll(async () => describePlaylist(await read('360.m3u8'))).toBe('16 from 4 and the end')
  const addresses = (await read('master.m3u8')).match(/^\d+\.m3u8.*$/gm) ?? []
  expect(addresses).toEqual([
    expect.stringMatching(/^360\.m3u8\?.*from=0/),
    expect.stringMatching(/^240\.m3u8\?.*from=0/),
  ])
  for (const address of addresses) {
    const text = await read(address)
    expect(describePlaylist(text)).toBe('20 from 0 and the end')
    expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD')
  }
})

it('a broadcast that is not recorded has no more than its window', async () => {
  const { read, end } = await startBroadcast({ record: false })
  await end()
  await expect.poll(async () => describePlaylist(await read('360.m3u8?from=0'))).toBe('16 from 4 and the end')
  expect(await read('master.m3u8')).not.toContain('from=')
})

it('a window that is made longer on the air grows forwards: its first number never decreases', async () => {
  const { read, end, change, sendMore } = await startBroadcast()
  const shown = async () => describePlaylist(await read('360.m3u8'))
  expect(await shown()).toBe('16 from 4')
  expect((await change({ dvr_sec: 600 })).json.dvr_sec).toBe(600)
  await sendMore(1)
  await expect.poll(shown).toBe('17 from 4')
  await change({ dvr_sec: 0 })
  await sendMore(1)
  await expect.poll(shown).toBe('16 from 6')
  await change({ dvr_sec: 600 })
  await sendMore(10)
  await expect.poll(shown).toBe('26 from 6')
  await end()
  await expect.poll(shown).toBe('26 from 6 and the end')
  expect(describePlaylist(await read('360.m3u8?from=0'))).toBe('32 from 0 and the end')
})
