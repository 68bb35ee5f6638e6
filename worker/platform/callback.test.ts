import { afterEach, expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { verifyCallback } from '../../shared/signing.ts'
import { ACCEPTED, refusal, startFakeGateway, type Answer, type FakeGateway } from '../testing/fake-gateway.ts'
import { createCallGateway } from './callback.ts'
import { createClock } from './clock.ts'

const TOKEN = 'a'.repeat(64)
const CALL = { method: 'PUT', path: '/internal/v1/monitors/mon-1/status', body: '{"seq":1}' }
const FOREVER = new AbortController().signal

let gateway: FakeGateway | null = null
afterEach(() => gateway?.[Symbol.asyncDispose]())

/** A gateway that answers call after call, the last answer for ever, and the way to call it. */
async function callOf(...answers: readonly Answer[]) {
  gateway = await startFakeGateway((_call, index) => answers[index] ?? answers.at(-1) ?? ACCEPTED)
  const clock = createClock()
  const log = createLog('test', 'error', () => {})
  const access = { gatewayUrl: gateway.origin, workerName: 'stream-monitor-1', token: TOKEN, clock, log }
  return { gateway, clock, call: createCallGateway(access) }
}

test('a call is signed by the key of its assignment, for its route and body', async () => {
  const { gateway: server, call } = await callOf(ACCEPTED)

  expect(await call(CALL, FOREVER)).toEqual({ kind: 'accepted', body: { duplicate: false } })
  const [seen] = server.calls
  expect(seen?.headers['x-worker-id']).toBe('stream-monitor-1')
  const signed = {
    timestamp: String(seen?.headers['x-timestamp']),
    signature: String(seen?.headers['x-signature-256']),
  }
  expect(verifyCallback(TOKEN, { ...CALL, body: seen?.body ?? '' }, signed, Date.now())).toBe('valid')
})

test('a gateway that cuts the connection, or answers 503, 429 or no JSON is tried until it is back, with the same bytes', async () => {
  const unavailable = refusal(503, 'UNAVAILABLE')
  const noJson = { status: 200, body: undefined }
  const answers = [unavailable, 'drop', noJson, refusal(429, 'RATE_LIMIT_EXCEEDED'), ACCEPTED] as const
  const { gateway: server, call } = await callOf(...answers)

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'accepted' })
  expect(server.calls.map((seen) => seen.body)).toEqual(answers.map(() => CALL.body))
})

test('a stale epoch, an ended assignment and a wrong key are refused for good', async () => {
  const answers = [refusal(409, 'STALE_EPOCH'), refusal(409, 'ASSIGNMENT_ENDED'), refusal(401, 'UNAUTHORIZED')]
  const { gateway: server, call } = await callOf(...answers, { status: 404, body: 'nothing here' })

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 409, code: 'STALE_EPOCH' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 409, code: 'ASSIGNMENT_ENDED' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 401, code: 'UNAUTHORIZED' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 404, code: 'HTTP_404' })
  expect(server.calls).toHaveLength(4)
})

test('a clock that is off is set by the gateway, once a call', async () => {
  const serverTimeSec = Date.now() / 1000 + 600.25
  const skew = refusal(401, 'CLOCK_SKEW', { server_time: serverTimeSec })
  const { gateway: server, clock, call } = await callOf(skew, ACCEPTED, skew)
  const settledBefore = clock.settled()

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'accepted' })
  expect(Math.abs(Number(server.calls[1]?.headers['x-timestamp']) - serverTimeSec)).toBeLessThan(5)
  expect(clock.nowMs() - settledBefore.nowMs()).toBeGreaterThan(590_000)

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', code: 'CLOCK_SKEW' })
  expect(server.calls).toHaveLength(4)
})

test('a call ends when its signal aborts, whether it waits for an answer or for the next try', async () => {
  for (const answer of ['hang', 'drop'] as const) {
    const { gateway: server, call } = await callOf(answer)
    const abort = new AbortController()
    const result = call(CALL, abort.signal)
    await server.waitFor((calls) => calls.length > 0)
    abort.abort()
    expect(await result).toEqual({ kind: 'aborted' })
    await server[Symbol.asyncDispose]()
  }
})
