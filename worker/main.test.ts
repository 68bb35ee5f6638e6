import { setTimeout as delay } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import {
  ACCEPTED,
  refusal,
  startFakeGateway,
  type GatewayAnswer,
  type GatewayCall,
  type FakeGateway,
} from './testing/fake-gateway.ts'
import { PATIENCE_MS, until } from '../shared/testing/until.ts'
import { startWorker, type WorkerExit, type WorkerProcess } from '../shared/testing/worker-process.ts'
import { monitorEnv } from './testing/worker-environments.ts'

const CLAIMED: GatewayAnswer = {
  status: 200,
  body: { epoch: 3, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
}

/** Starts a gateway that accepts a claim and answers reports as its caller chooses. */
function startGateway(answer: (report: GatewayCall) => GatewayAnswer): Promise<FakeGateway> {
  return startFakeGateway((call) => (call.path.endsWith('/claim') ? CLAIMED : answer(call)))
}

/** A worker whose stream is not there yet: it asks our gateway for it again and again. */
function startWaiting(gateway: FakeGateway, env: NodeJS.ProcessEnv = {}): WorkerProcess {
  const often = { WAITING_MODE_INITIAL_INTERVAL: '100ms' }
  return startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`, { ...often, ...env }))
}

/** How a worker exits; a worker that does not fails the test with its log. */
async function exitOf(worker: WorkerProcess): Promise<WorkerExit> {
  const exit = await Promise.race([worker.exited, delay(PATIENCE_MS, null, { ref: false })])
  if (exit === null) throw new Error(`still running after ${PATIENCE_MS} ms:\n${worker.lines.join('\n')}`)
  return exit
}

const isReport = (call: GatewayCall) => call.path.endsWith('/status')
const hasReported = (calls: readonly GatewayCall[]) => calls.some(isReport)

describe.concurrent('the worker program', () => {
  test('a worker claims its assignment before all else, and reports under the epoch that it got', async () => {
    await using gateway = await startGateway(() => ACCEPTED)
    await using worker = startWaiting(gateway)
    const calls = await gateway.waitFor(hasReported)

    expect(
      calls.filter(({ path }) => path.startsWith('/internal')).map(({ method, body }) => [method, JSON.parse(body)]),
    ).toMatchObject([
      ['POST', {}],
      ['PUT', { epoch: 3, seq: 1, mode: 'initializing', events: [] }],
    ])
    expect(worker.lines.map((line) => JSON.parse(line)).every((line) => line.monitor_id !== undefined)).toBe(true)
  })

  test('everything that is wrong with the environment is named at once, without its value', async () => {
    await using worker = startWorker({
      WORKER_KIND: 'monitor',
      GATEWAY_URL: 'ftp://secret',
      LOG_LEVEL: 'loud',
      CONFIG_JSON: '{',
    })

    expect(await exitOf(worker)).toEqual({ code: 2, signal: null })
    const said = worker.lines.join('\n')
    for (const name of ['GATEWAY_URL', 'LOG_LEVEL', 'CONFIG_JSON', 'WORKER_TOKEN', 'MONITOR_ID', 'STREAM_URL'])
      expect(said).toContain(name)
    expect(said).not.toContain('secret')
  })

  test('a kind that does not exist is refused, whatever objects call their properties', async () => {
    for (const kind of ['constructor', '']) {
      await using worker = startWorker({ WORKER_KIND: kind })
      expect(await exitOf(worker)).toMatchObject({ code: 2 })
    }
  })

  test('a claim that is refused for a wrong key is not repeated', async () => {
    await using gateway = await startFakeGateway(() => refusal(401, 'UNAUTHORIZED'))
    await using worker = startWorker(monitorEnv(gateway.origin, 'http://127.0.0.1:9/live.m3u8'))

    expect(await exitOf(worker)).toEqual({ code: 4, signal: null })
    expect(gateway.calls).toHaveLength(1)
  })

  test('an assignment that has ended leaves nothing to do', async () => {
    await using gateway = await startFakeGateway(() => refusal(409, 'ASSIGNMENT_ENDED'))
    await using worker = startWorker(monitorEnv(gateway.origin, 'http://127.0.0.1:9/live.m3u8'))

    expect(await exitOf(worker)).toEqual({ code: 0, signal: null })
  })

  test('a worker whose epoch is stale exits at once and reports no more', async () => {
    await using gateway = await startGateway(() => refusal(409, 'STALE_EPOCH'))
    await using worker = startWaiting(gateway)

    expect(await exitOf(worker)).toEqual({ code: 0, signal: null })
    expect(gateway.calls.filter(isReport)).toHaveLength(1)
  })

  test('SIGTERM ends a worker once its reports are sent', async () => {
    let isDown = true
    await using gateway = await startGateway(() => (isDown ? refusal(503, 'UNAVAILABLE') : ACCEPTED))
    await using worker = startWaiting(gateway)
    await gateway.waitFor(hasReported)
    worker.kill('SIGTERM')
    await until(() => worker.lines.some((line) => line.includes('"SIGTERM"')), 'the worker has the signal')
    const before = gateway.calls.filter(isReport).length
    await gateway.waitFor((calls) => calls.filter(isReport).length > before)
    isDown = false

    expect(await exitOf(worker)).toEqual({ code: 0, signal: null })
    const reports = gateway.calls.filter(isReport).map(({ body }) => JSON.parse(body).seq)
    expect(reports.slice(0, -1).every((seq) => seq === 1)).toBe(true)
  })

  test('a worker exits at once when the pipe from its gateway ends, and sends nothing more', async () => {
    await using gateway = await startGateway(() => ACCEPTED)
    await using worker = startWaiting(gateway, { GATEWAY_PIPE: '1' })
    await gateway.waitFor(hasReported)
    const reports = gateway.calls.filter(isReport).length
    worker.closeStdin()

    expect(await exitOf(worker)).toEqual({ code: 3, signal: null })
    // One may have been on its way.
    expect(gateway.calls.filter(isReport).length).toBeLessThanOrEqual(reports + 1)
  })

  test('without that pipe a worker does not mind its stdin', async () => {
    await using gateway = await startGateway(() => ACCEPTED)
    await using worker = startWaiting(gateway)
    await gateway.waitFor(hasReported)
    worker.closeStdin()
    const before = gateway.calls.length

    await gateway.waitFor((calls) => calls.length > before + 2)
  })
})
