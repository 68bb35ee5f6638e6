import { colors } from 'consola/utils'
import * as v from 'valibot'

import { makeClip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator, type BroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { abortOnExit, abortOnInterrupt, createApiCaller, createTemporaryFolder, generateKey } from './demo-gateway.ts'
import { formatDelivery, printLine, formatSummary } from './output.ts'
import {
  BLACKOUT_THRESHOLD_SEC,
  matchDeliveries,
  PARTS,
  findProblems,
  SEGMENT_SEC,
  SILENCE_THRESHOLD_SEC,
} from './script.ts'
import { startGatewayProcess, type GatewayProcess } from '../testing/gateway-process.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'

/** Deadline of the demo, so that it always ends within 90 seconds. */
const DEADLINE_MS = 65_000

/** Monitors a synthetic broadcast without a network and prints its webhooks. Returns the exit code. */
async function runDemo(): Promise<number> {
  const interrupted = abortOnInterrupt()
  try {
    return await watchBroadcast(AbortSignal.any([interrupted, AbortSignal.timeout(DEADLINE_MS)]))
  } catch (error) {
    printLine(colors.red(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

async function watchBroadcast(signal: AbortSignal): Promise<number> {
  printLine(colors.bold('\n  Tallylight: a broadcast goes black, then silent, and signed webhooks say so\n'))
  const keys = { api: generateKey(), internal: generateKey(), signing: generateKey() }
  await using clip = await makeClip(PARTS, { segmentSec: SEGMENT_SEC, fps: 25, size: '640x360', container: 'ts' })
  await using simulator = await startBroadcastSimulator(clip)
  await using receiver = await startReceiver(keys.signing)
  await using dataDir = await createTemporaryFolder()
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
  printLine(`  broadcast  ${simulator.url}`)
  printLine(`  gateway    ${gateway.origin}`)
  const call = createApiCaller(gateway, { 'x-api-key': keys.api })
  const monitor = await call(Monitor, 'POST /api/v1/monitors', buildMonitor(simulator.url, receiver.url))
  printLine(`  monitor    ${monitor.monitor_id}\n`)

  await printDeliveries(receiver, simulator, AbortSignal.any([signal, abortOnExit(gateway)]))
  const { status, statistics } = await call(Monitor, `GET /api/v1/monitors/${monitor.monitor_id}`)
  const found = matchDeliveries(receiver.deliveries, simulator)
  printLine(['', ...formatSummary(found), ''].join('\n'))
  printLine(`  ${statistics?.total_segments_analyzed} of ${clip.segments.length} segments analysed, monitor ${status}`)
  const wrong = findProblems(receiver.deliveries, found)
  printLine(
    wrong.length === 0
      ? colors.green(`  all ${found.length} events came, in order, verified and exact\n`)
      : formatFailure(wrong, gateway),
  )
  return wrong.length === 0 ? 0 : 1
}

function formatFailure(wrong: readonly string[], gateway: GatewayProcess): string {
  const lines = [...wrong.map((problem) => colors.red(problem)), 'Last log lines of the gateway:', ...gateway.lastLines]
  return lines.map((line) => `  ${line}`).join('\n')
}

function buildMonitor(streamUrl: string, callbackUrl: string) {
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

const LAST_EVENTS = ['stream.ended', 'monitor.error']

/** Prints each webhook as it arrives. Returns at the deadline too: the summary shows the missing ones. */
async function printDeliveries(receiver: Receiver, simulator: BroadcastSimulator, signal: AbortSignal): Promise<void> {
  try {
    for await (const delivery of receiver.follow(signal)) {
      const outcome = matchDeliveries([delivery], simulator).find(({ latenessSec }) => latenessSec !== null)
      printLine(formatDelivery(delivery, outcome?.latenessSec ?? null))
      if (LAST_EVENTS.includes(delivery.payload.event_type)) return
    }
  } catch (error) {
    if (!signal.aborted) throw error
    if (signal.reason.name !== 'TimeoutError') throw signal.reason
  }
}

process.exitCode = await runDemo()
