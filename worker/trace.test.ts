import { expect, test } from 'vitest'

import { parseTraceparent } from '../shared/trace.ts'
import { ACCEPTED, startFakeGateway, type GatewayAnswer, type GatewayCall } from './testing/fake-gateway.ts'
import { startWorker } from '../shared/testing/worker-process.ts'
import { monitorEnv } from './testing/worker-environments.ts'

const CLAIMED: GatewayAnswer = {
  status: 200,
  body: { epoch: 1, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
}
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const isReport = ({ path }: GatewayCall) => path.endsWith('/status')

/** Runs a worker with this environment, and returns the `traceparent` of its claim and of its first report. */
async function readTraceparents(env: NodeJS.ProcessEnv): Promise<(string | undefined)[]> {
  await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? CLAIMED : ACCEPTED))
  await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`, env))
  const calls = await gateway.waitFor((seen) => seen.some(isReport))
  expect(worker.pid).toBeGreaterThan(0)
  const own = calls.filter((call) => call.path.endsWith('/claim') || isReport(call))
  return own.slice(0, 2).map(({ headers }) => headers['traceparent']?.toString())
}

test("each call of a worker belongs to its assignment's trace, with a span of its own", async () => {
  const traces = (await readTraceparents({ TRACEPARENT })).map((header) => parseTraceparent(header))
  expect(traces.map((trace) => trace?.traceId)).toEqual(Array(2).fill('4bf92f3577b34da6a3ce929d0e0e4736'))
  expect(new Set([...traces.map((trace) => trace?.spanId), '00f067aa0ba902b7']).size).toBe(3)
})

test('a worker whose TRACEPARENT is missing or invalid works, and sends no traceparent', async () => {
  expect(await readTraceparents({})).toEqual([undefined, undefined])
  expect(await readTraceparents({ TRACEPARENT: 'nonsense' })).toEqual([undefined, undefined])
})
