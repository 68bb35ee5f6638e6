import { expect, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { signWebhookHeaders } from '../../shared/net/signing.ts'
import { startReceiver, type ReceiverBehaviour } from './receiver.ts'
import { isStandardWebhook } from './standard-webhook.ts'

const KEY = 'receiver-signing-key-0123456789'

test('both signatures of a delivery are verified; forged and expired ones are detected', async () => {
  await using receiver = await startReceiver(KEY)
  await post(receiver.url, 'stream.started')
  await post(receiver.url, 'stream.ended', { key: 'another-key-0123456789abcdef' })
  await post(receiver.url, 'stream.delayed', { atMs: Date.now() - 301_000 })
  await fetch(receiver.url, { method: 'POST', body: '{}' })

  expect(receiver.deliveries.map((delivery) => delivery.verdict)).toEqual([
    'valid',
    'bad_signature',
    'clock_skew',
    'unsigned',
  ])
  expect(receiver.deliveries.map((delivery) => isStandardWebhook(KEY, delivery))).toEqual([true, false, false, false])
  expect(receiver.deliveries[0]).toMatchObject({
    payload: { event_type: 'stream.started' },
    headers: { 'webhook-id': 'evt-1' },
  })
})

test('waiting finds past and future deliveries, and its timeout lists the received ones', async () => {
  await using receiver = await startReceiver(KEY)
  const coming = receiver.waitFor(({ payload }) => payload.event_type === 'stream.ended')
  await post(receiver.url, 'stream.started')
  await post(receiver.url, 'stream.ended')
  expect((await coming).payload.event_type).toBe('stream.ended')
  expect((await receiver.waitFor(() => true)).payload.event_type).toBe('stream.started')
  await expect(receiver.waitFor(() => false, 20)).rejects.toThrow('stream.started, stream.ended')
  await expect(
    receiver.waitFor(() => {
      throw new Error('the test is wrong')
    }),
  ).rejects.toThrow('the test is wrong')
})

test('a delivery is answered by the behaviour of the test', async () => {
  const redirect = { status: 307, headers: { location: 'http://127.0.0.1:9/' } }
  const answers = [500, redirect, 'reset', 'hang'] as const
  const answer: ReceiverBehaviour = (_delivery, count) => answers[count - 1] ?? 204
  await using receiver = await startReceiver(KEY, answer)

  expect((await post(receiver.url, 'a')).status).toBe(500)
  expect((await post(receiver.url, 'b')).headers.get('location')).toBe('http://127.0.0.1:9/')
  await expect(post(receiver.url, 'c')).rejects.toThrow('fetch failed')
  await expect(post(receiver.url, 'd', { timeoutMs: 200 })).rejects.toThrow('timeout')
  expect((await post(receiver.url, 'e')).status).toBe(204)
})

async function post(
  url: string,
  eventType: string,
  { key = KEY, atMs = Date.now(), timeoutMs = PATIENCE_MS } = {},
): Promise<Response> {
  const body = JSON.stringify({ event_type: eventType })
  const headers = signWebhookHeaders(key, 'evt-1', body, atMs)
  return fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
}
