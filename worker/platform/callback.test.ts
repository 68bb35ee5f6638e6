import { afterEach, expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { verifyCallback } from '../../shared/net/signing.ts'
import { ACCEPTED, refusal, startFakeGateway, type GatewayAnswer, type FakeGateway } from '../testing/fake-gateway.ts'
import { createGatewayCaller } from './callback.ts'
import { createClock } from './clock.ts'

const TOKEN = 'a'.repeat(64)
const CALL = { method: 'PUT', path: '/internal/v1/monitors/mon-1/status', body: '{"seq":1}' }
const FOREVER = new AbortController().signal

let gateway: FakeGateway | null = null
afterEach(() => gateway?.[Symbol.asyncDispose]())

/** Starts a gateway that sends these answers in order, repeating the last, and returns a caller for it. */
async function startGateway(...answers: readonly GatewayAnswer[]) {
  gateway = await startFakeGateway((_call, index) => answers[index] ?? answers.at(-1) ?? ACCEPTED)
  const clock = createClock()
  const log = createLog('test', 'error', () => {})
  const policies: unknown[] = []
  const onPolicy = (policy: unknown) => void policies.push(policy)
  const access = { gatewayUrl: gateway.origin, workerName: 'stream-monitor-1', token: TOKEN, clock, onPolicy, log }
  return { gateway, clock, policies, call: createGatewayCaller(access) }
}

test('a call is signed with the key of its assignment, for its route and body', async () => {
  const { gateway: server, call } = await startGateway(ACCEPTED)

  expect(await call(CALL, FOREVER)).toEqual({ kind: 'accepted', body: { duplicate: false } })
  const [received] = server.calls
  expect(received?.headers['x-worker-id']).toBe('stream-monitor-1')
  const signed = {
    timestamp: String(received?.headers['x-timestamp']),
    signature: String(received?.headers['x-signature-256']),
  }
  expect(verifyCallback(TOKEN, { ...CALL, body: received?.body ?? '' }, signed, Date.now())).toBe('valid')
})

test('a call is retried with the same bytes after a broken connection, 503, 429, 408 and a response that is not JSON', async () => {
  const unavailable = refusal(503, 'UNAVAILABLE')
  const noJson = { status: 200, body: undefined }
  const answers = [
    unavailable,
    'drop',
    noJson,
    refusal(429, 'RATE_LIMIT_EXCEEDED'),
    refusal(408, 'SLOW'),
    ACCEPTED,
  ] as const
  const { gateway: server, call } = await startGateway(...answers)

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'accepted' })
  expect(server.calls.map(({ body }) => body)).toEqual(answers.map(() => CALL.body))
})

test('the policy of each accepted answer is passed on, and nothing that is none', async () => {
  const answerWith = (policy: string, answer = ACCEPTED) => ({ ...answer, headers: { 'x-worker-policy': policy } })
  const open = { allow_private_networks: true, allow_any_site: false }
  const shut = { allow_private_networks: false, allow_any_site: false }
  const { call, policies: stated } = await startGateway(
    answerWith(JSON.stringify(open)),
    answerWith(JSON.stringify(shut)),
    answerWith('{"allow_private_networks":"yes"}'),
    answerWith('maybe'),
    ACCEPTED,
    answerWith(JSON.stringify(open), refusal(401, 'UNAUTHORIZED')),
  )
  for (let i = 0; i < 6; i++) await call(CALL, FOREVER)
  expect(stated).toEqual([open, shut])
})

test('a refusal for a stale epoch, an ended assignment or a wrong key is final', async () => {
  const answers = [refusal(409, 'STALE_EPOCH'), refusal(409, 'ASSIGNMENT_ENDED'), refusal(401, 'UNAUTHORIZED')]
  const { gateway: server, call } = await startGateway(...answers, { status: 404, body: 'nothing here' })

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 409, code: 'STALE_EPOCH' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 409, code: 'ASSIGNMENT_ENDED' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 401, code: 'UNAUTHORIZED' })
  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', status: 404, code: 'HTTP_404' })
  expect(server.calls).toHaveLength(4)
})

test("the clock is corrected to the gateway's time, at most once per call", async () => {
  const serverTimeSec = Date.now() / 1000 + 600.25
  const skew = refusal(401, 'CLOCK_SKEW', { server_time: serverTimeSec })
  const { gateway: server, clock, call } = await startGateway(skew, ACCEPTED, skew)
  const detached = clock.detach()

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'accepted' })
  expect(Math.abs(Number(server.calls[1]?.headers['x-timestamp']) - serverTimeSec)).toBeLessThan(60)
  expect(clock.nowMs() - detached.nowMs()).toBeGreaterThan(590_000)

  expect(await call(CALL, FOREVER)).toMatchObject({ kind: 'refused', code: 'CLOCK_SKEW' })
  expect(server.calls).toHaveLength(4)
})

test('a call ends when its signal aborts, while it waits for a response or for the next attempt', async () => {
  for (const answer of ['hang', 'drop'] as const) {
    const { gateway: server, call } = await startGateway(answer)
    const abort = new AbortController()
    const result = call(CALL, abort.signal)
    await server.waitFor((calls) => calls.length > 0)
    abort.abort()
    expect(await result).toEqual({ kind: 'aborted' })
    await server[Symbol.asyncDispose]()
  }
})
