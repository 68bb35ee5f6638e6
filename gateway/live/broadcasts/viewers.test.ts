import { expect, it } from 'vitest'

import { openEventSource } from '../../testing/event-source.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp } from '../testing/live-gateway.ts'

const VIEWERS = 200
const LEAVING = 60

it('the viewers of two gateways are counted together, also once some are gone, and the peak is kept', async () => {
  const env = { INGEST_WORKERS: '1' }
  await using one = await startTestGateway({ env })
  await using two = await startTestGateway({ env, database: one.database })
  const owner = await signUp(one.api, 'anna')
  const { json } = await one.api('POST', '/api/v1/streams', { title: 'Seen by many' }, owner.headers)
  const { stream_id: id, stream_key: key } = json
  const { session } = await (await openIngest(one)).publish(key)
  await (await claimBroadcast(one.url, id)).encode(session, 1)

  const pages = Array.from({ length: VIEWERS }, (_, i) => openEvents(`${(i % 2 === 0 ? one : two).url}/api/v1`, id))
  await Promise.all(pages.map(({ opened }) => opened))
  const read = async () => (await two.api('GET', `/api/v1/streams/${id}`)).json
  await expect.poll(read).toMatchObject({ viewer_count: VIEWERS, peak_viewers: VIEWERS })
  for (const page of pages.slice(0, LEAVING)) page.close()
  await expect.poll(read).toMatchObject({ viewer_count: VIEWERS - LEAVING, peak_viewers: VIEWERS })
  for (const page of pages) page.close()
  await expect.poll(read).toMatchObject({ viewer_count: 0, peak_viewers: VIEWERS })
})

it('a viewer that reconnects is counted again at once, and the events of a session end with it', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const owner = await signUp(gateway.api, 'anna')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Seen by one' }, owner.headers)
  const { stream_id: id, stream_key: key } = json
  const { session } = await (await openIngest(gateway)).publish(key)
  await (await claimBroadcast(gateway.url, id)).encode(session, 1)
  const master = await (await fetch(`${gateway.url}/live/${id}/master.m3u8`)).text()
  const path = `/api/v1/streams/${id}/events?chat=off&viewer=${/viewer=(\w+)/.exec(master)?.[1]}`
  const read = async () => (await gateway.api('GET', `/api/v1/streams/${id}`)).json.viewer_count
  const visit = async () => {
    using events = await openEventSource(gateway.url + path)
    const openedMs = Date.now()
    await expect.poll(read).toBe(1)
    const countedMs = Date.now() - openedMs
    events.disconnect()
    await expect.poll(read).toBe(0)
    return countedMs
  }
  await visit()
  // A lease is renewed every ten seconds; one that was removed is written again at the next flush.
  expect(await visit()).toBeLessThan(9000)
  const events = await fetch(gateway.url + path, { headers: owner.headers })
  await gateway.api('POST', '/api/v1/auth/logout', undefined, owner.headers)
  await events.text()
})

/** Opens the events of a broadcast, as a page does, until it is closed without a word. */
function openEvents(api: string, streamId: string) {
  const closing = new AbortController()
  const opened = fetch(`${api}/streams/${streamId}/events`, { signal: closing.signal })
  return { opened, close: () => closing.abort() }
}
