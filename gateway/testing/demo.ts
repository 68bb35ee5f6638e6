import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { colors } from 'consola/utils'
import * as v from 'valibot'

import { makeClip } from '../../worker/testing/media.ts'
import { startSimulator, type Simulator } from '../../worker/testing/stream-simulator.ts'
import { findFreePort } from '../adapters/free-port.ts'
import { deliveryLine, say, summaryLines } from './demo-print.ts'
import { BLACKOUT_THRESHOLD_SEC, outcomes, PARTS, problems, SEGMENT_SEC, SILENCE_THRESHOLD_SEC } from './demo-script.ts'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { startReceiver, type Receiver } from './receiver.ts'

/** The demo gives up in time to end within 90 seconds, come what may. */
const DEADLINE_MS = 65_000
const CALL_TIMEOUT_MS = 10_000

/** Shows the main job on a synthetic broadcast, without a network. Gives the exit code. */
async function runDemo(): Promise<number> {
  const stopped = new AbortController()
  const stop = () => stopped.abort(new Error('interrupted'))
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
  try {
    return await watchBroadcast(AbortSignal.any([stopped.signal, AbortSignal.timeout(DEADLINE_MS)]))
  } catch (error) {
    say(colors.red(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

async function watchBroadcast(signal: AbortSignal): Promise<number> {
  say(colors.bold('\n  Tallylight: a broadcast goes black, then silent, and signed webhooks say so\n'))
  const keys = { api: newKey(), internal: newKey(), signing: newKey() }
  await using clip = await makeClip(PARTS, { segmentSec: SEGMENT_SEC, fps: 25, size: '640x360', container: 'ts' })
  await using simulator = await startSimulator(clip)
  await using receiver = await startReceiver(keys.signing)
  await using dataDir = await temporaryFolder()
  await using gateway = await startGatewayProcess({
    port: await findFreePort(Number(process.env['PORT']) || null),
    env: {
      DATA_DIR: dataDir.path,
      API_KEY: keys.api,
      INTERNAL_API_KEY: keys.internal,
      WEBHOOK_SIGNING_KEY: keys.signing,
      ALLOW_PRIVATE_NETWORKS: 'true',
      LOG_LEVEL: 'warn',
    },
    signal,
  })
  say(`  broadcast  ${simulator.url}`)
  say(`  gateway    ${gateway.origin}`)
  const call = apiCaller(gateway, keys.api)
  const monitor = await call('POST', '/api/v1/monitors', monitorOf(simulator.url, receiver.url))
  say(`  monitor    ${monitor.monitor_id}\n`)

  await printUntilEnd(receiver, simulator, AbortSignal.any([signal, endOf(gateway)]))
  const { status, statistics } = await call('GET', `/api/v1/monitors/${monitor.monitor_id}`)
  const found = outcomes(receiver.deliveries, simulator)
  say(['', ...summaryLines(found), ''].join('\n'))
  say(`  ${statistics?.total_segments_analyzed} of ${clip.segments.length} segments analysed, monitor ${status}`)
  const wrong = problems(receiver.deliveries, found)
  say(
    wrong.length === 0
      ? colors.green(`  all ${found.length} events came, in order, verified and exact\n`)
      : failure(wrong, gateway),
  )
  return wrong.length === 0 ? 0 : 1
}

function failure(wrong: readonly string[], gateway: GatewayProcess): string {
  const lines = [...wrong.map((problem) => colors.red(problem)), 'The gateway said:', ...gateway.lastLines]
  return lines.map((line) => `  ${line}`).join('\n')
}

function newKey(): string {
  return randomBytes(24).toString('base64url')
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tallylight-demo-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

function monitorOf(streamUrl: string, callbackUrl: string) {
  return {
    stream_url: streamUrl,
    callback_url: callbackUrl,
    config: {
      check_interval_sec: 1,
      blackout_threshold_sec: BLACKOUT_THRESHOLD_SEC,
      silence_threshold_sec: SILENCE_THRESHOLD_SEC,
    },
  }
}

const Monitor = v.object({
  monitor_id: v.string(),
  status: v.string(),
  statistics: v.optional(v.object({ total_segments_analyzed: v.number() })),
})

/** Calls the public API; an answer that is not 2xx is an error with what the gateway said. */
function apiCaller(gateway: GatewayProcess, apiKey: string) {
  return async (method: string, path: string, body?: object): Promise<v.InferOutput<typeof Monitor>> => {
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' }
    const init = {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    }
    const response = await fetch(gateway.origin + path, init)
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${await response.text()}`)
    return v.parse(Monitor, await response.json())
  }
}

/** Aborts when the gateway ends, with its last words. */
function endOf(gateway: GatewayProcess): AbortSignal {
  const ended = new AbortController()
  void gateway.exited.then(() => ended.abort(new Error(`the gateway ended:\n${gateway.lastLines.join('\n')}`)))
  return ended.signal
}

const LAST_EVENTS = ['stream.ended', 'monitor.error']

/** Prints each webhook as it comes. Out of time, it returns: the summary tells what is missing. */
async function printUntilEnd(receiver: Receiver, simulator: Simulator, signal: AbortSignal): Promise<void> {
  try {
    for await (const delivery of receiver.follow(signal)) {
      const told = outcomes([delivery], simulator).find(({ latenessSec }) => latenessSec !== null)
      say(deliveryLine(delivery, told?.latenessSec ?? null))
      if (LAST_EVENTS.includes(delivery.payload.event_type)) return
    }
  } catch (error) {
    if (!signal.aborted) throw error
    if (signal.reason.name !== 'TimeoutError') throw signal.reason
  }
}

process.exitCode = await runDemo()
