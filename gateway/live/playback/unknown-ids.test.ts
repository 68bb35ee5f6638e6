import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp } from '../testing/live-gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  // Playback is limited as frequent calls are: 20 in a minute here.
  const env = { INGEST_WORKERS: '1', RATE_LIMIT_READS_PER_MIN: '1', TRUSTED_PROXIES: '127.0.0.1' }
  gateway = await startTestGateway({ env })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const open = async (id: string, address: string) => {
  const headers = { 'x-forwarded-for': address }
  return (await fetch(`${gateway.url}/live/${id}/master.m3u8`, { headers })).status
}

it('an id of no broadcast leaves nothing behind', async () => {
  const { notifier } = gateway.gateway.context
  const subscribe = notifier.subscribe.bind(notifier)
  const subscribed = new Set<string>()
  vi.spyOn(notifier, 'subscribe').mockImplementation((topic, onNotify) => {
    const unsubscribe = subscribe(topic, onNotify)
    subscribed.add(topic)
    return () => {
      subscribed.delete(topic)
      unsubscribe()
    }
  })
  const id = newUuid()
  expect([await open(id, '192.0.2.1'), await open(id, '192.0.2.1')]).toEqual([404, 404])
  expect([...subscribed].filter((topic) => topic.includes(id))).toEqual([])
  vi.restoreAllMocks()
})

it('an address that guesses ids is limited; what is played goes on there, and others open what they like', async () => {
  const owner = await signUp(gateway.api, 'broadcaster')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  const { session } = await (await openIngest(gateway)).publish(json.stream_key)
  await (await claimBroadcast(gateway.url, json.stream_id)).encode(session, 3)
  const guesser = '203.0.113.5'
  expect(await open(json.stream_id, guesser)).toBe(200)
  const statuses: number[] = []
  for (let n = 0; n < 25; n++) statuses.push(await open(newUuid(), guesser))
  expect([statuses.filter((status) => status === 404).length, statuses.at(-1)]).toEqual([19, 429])
  expect(await open(json.stream_id, guesser)).toBe(200)
  expect(await open(newUuid(), '203.0.113.6')).toBe(404)
})
