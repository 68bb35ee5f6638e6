import { expect, test } from 'vitest'

import { readTraceparent } from '../shared/trace.ts'
import { ACCEPTED, startFakeGateway, type Answer, type Call } from './testing/fake-gateway.ts'
import { monitorEnv, startWorker } from './testing/worker-process.ts'

const CLAIMED: Answer = {
  status: 200,
  body: { epoch: 1, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
}
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const isReport = ({ path }: Call) => path.endsWith('/status')

/** The `traceparent` of a worker's claim and first report, given its environment. */
async function tracesOf(env: NodeJS.ProcessEnv): Promise<(string | undefined)[]> {
  await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? CLAIMED : ACCEPTED))
  await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`, env))
  const calls = await gateway.waitFor((seen) => seen.some(isReport))
  expect(worker.pid).toBeGreaterThan(0)
  const own = calls.filter((call) => call.path.endsWith('/claim') || isReport(call))
  return own.slice(0, 2).map(({ headers }) => headers['traceparent']?.toString())
}

test("each call of a worker belongs to its monitor's trace, by a span of its own", async () => {
  const traces = (await tracesOf({ TRACEPARENT })).map((header) => readTraceparent(header))
  expect(traces.map((trace) => trace?.traceId)).toEqual(Array(2).fill('4bf92f3577b34da6a3ce929d0e0e4736'))
  expect(new Set([...traces.map((trace) => trace?.spanId), '00f067aa0ba902b7']).size).toBe(3)
})

test('without a trace, or with one that is none, a worker works and claims to belong to none', async () => {
  expect(await tracesOf({})).toEqual([undefined, undefined])
  expect(await tracesOf({ TRACEPARENT: 'nonsense' })).toEqual([undefined, undefined])
})
