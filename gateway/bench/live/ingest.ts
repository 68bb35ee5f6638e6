import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { deriveWorkerToken, signCallback } from '../../../shared/net/signing.ts'
import type { IngestSource } from '../../../shared/contract/live.ts'
import { findFreePort } from '../../adapters/http/free-port.ts'
import { bundleWorker } from '../../adapters/process/worker-bundle.ts'
import { claimBroadcast, claimIngest, type SimulatedIngest } from '../../live/testing/live-gateway.ts'
import { startFakeKubernetes } from '../../testing/fake-kubernetes/index.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import { TEST_KEYS } from '../../testing/test-gateway.ts'
import { readCpuSec, readResidentMb } from '../cpu.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem, type BenchSystem } from '../system.ts'
import { registerBroadcaster, waitUntil, type Broadcaster } from './broadcaster.ts'
import { publishClip } from './source-clip.ts'

const INGEST_ID = 'ingest-0'
const START_TIMEOUT_MS = 30_000
const STREAMS = 10
/** Time for the streams to begin, and the time that is measured, in ms. */
const WARM_UP_MS = 5000
const MEASURED_MS = 12_000
const LIMITS = { cpuPercent: 1.5, streamMb: 8 }
/** An account may have 100 broadcasts that have not ended. */
const STARTS = 80
const CONCURRENCY = 8

/** Measures an ingest worker, and how fast broadcasts start. The gateway has a cluster in which nothing is encoded. */
export async function benchIngest(dir: string, clip: string): Promise<BenchResult[]> {
  await using kube = await startFakeKubernetes()
  const rtmpPort = await findFreePort(null)
  await using system = await startBenchSystem({
    env: {
      ...TEST_KEYS,
      LAUNCHER: 'kubernetes',
      KUBECONFIG: kube.kubeconfigPath,
      WORKER_IMAGE: 'example/worker:1',
      RECONCILE_INTERVAL: '1h',
      MAX_BROADCASTS: '10000',
      // Nothing is encoded, and nothing stored.
      S3_BUCKET: 'broadcasts',
      RTMP_URL: `rtmp://127.0.0.1:${rtmpPort}/live`,
    },
  })
  const broadcaster = await registerBroadcaster(system)
  const starts = await benchStarts(system, broadcaster)
  await using worker = await startIngest(system, dir, rtmpPort)
  return [...(await benchStreams({ system, broadcaster, clip, pid: worker.pid })), starts]
}

/** Measures the admissions of encoders a second, by the callbacks of an ingest worker. */
async function benchStarts(system: BenchSystem, broadcaster: Broadcaster): Promise<BenchResult> {
  const ingest = await claimIngestAssignment(system.origin)
  const keys: string[] = []
  const createdMs = await timeAll(STARTS, async () => void keys.push((await broadcaster.create()).key))
  const startedMs = await timeAll(STARTS, async () => {
    const { answer } = await ingest.publish(keys.pop() ?? '')
    if (answer.status !== 200) throw new Error(`an encoder was refused: ${answer.text}`)
  })
  const [startsPerSec, createsPerSec] = [startedMs, createdMs].map((ms) => (STARTS * 1000) / ms)
  return {
    name: `broadcasts started a second, ${CONCURRENCY} at a time (admission, state, assignment, Pod)`,
    ours: (startsPerSec ?? 0).toFixed(0),
    compared: `creating them by POST /streams: ${(createsPerSec ?? 0).toFixed(0)}`,
    ratio: (startsPerSec ?? 0) / (createsPerSec ?? 1),
    goal: 'listed',
  }
}

/** Claims the assignment of the ingest worker once the gateway has it. */
async function claimIngestAssignment(origin: string): Promise<SimulatedIngest> {
  let ingest = await claimIngest(origin, INGEST_ID)
  await waitUntil(async () => {
    const { answer } = await ingest.publish('no-key')
    if (answer.json.error.code === 'PUBLISH_REFUSED') return true
    ingest = await claimIngest(origin, INGEST_ID)
    return false
  }, 'the ingest worker has its assignment')
  return ingest
}

/** Returns the time in ms that `count` calls take, some at a time. */
async function timeAll(count: number, call: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  let left = count
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await call()
    }),
  )
  return performance.now() - startedMs
}

/** Starts an ingest worker as the launcher of one machine does. */
async function startIngest({ origin }: BenchSystem, dir: string, rtmpPort: number) {
  const entry = await bundleWorker(dir)
  const env = {
    PATH: process.env['PATH'],
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
    WORKER_KIND: 'ingest',
    WORKER_NAME: INGEST_ID,
    WORKER_TOKEN: deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'ingest', INGEST_ID),
    INGEST_ID,
    GATEWAY_URL: origin,
    RTMP_PORT: String(rtmpPort),
    JOURNAL_DIR: join(dir, INGEST_ID),
    LOG_LEVEL: 'error',
  }
  const child = spawn(process.execPath, ['--max-semi-space-size=2', '--single-threaded-gc', entry], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const exited = once(child, 'exit')
  await waitForPort(rtmpPort, AbortSignal.timeout(START_TIMEOUT_MS))
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

type IngestUnderLoad = {
  readonly system: BenchSystem
  readonly broadcaster: Broadcaster
  readonly clip: string
  readonly pid: number
}

/** Measures the CPU and the memory of the ingest worker; each stream has a reader, as a live worker is. */
async function benchStreams({ system, broadcaster, clip, pid }: IngestUnderLoad): Promise<BenchResult[]> {
  const idleMb = readResidentMb(pid)
  const streams: AsyncDisposable[] = []
  try {
    for (let i = 0; i < STREAMS; i++) {
      const { id, key, rtmpUrl } = await broadcaster.create()
      streams.push(publishClip(clip, `${rtmpUrl}/${key}`), await readAsLiveWorker(system.origin, id))
    }
    await wait(WARM_UP_MS)
    const [cpuSec, fromMs] = [readCpuSec(pid), performance.now()]
    await wait(MEASURED_MS)
    const percent = ((readCpuSec(pid) - cpuSec) / ((performance.now() - fromMs) / 1000) / STREAMS) * 100
    return streamRows(percent, (readResidentMb(pid) - idleMb) / STREAMS)
  } finally {
    for (const stream of streams) await stream[Symbol.asyncDispose]()
  }
}

function streamRows(percent: number, streamMb: number): BenchResult[] {
  return [
    {
      name: `CPU of the ingest for a stream of 2 Mb/s, ${STREAMS} at a time, each read by one`,
      ours: `${percent.toFixed(2)} % of a core`,
      compared: `limit: ${LIMITS.cpuPercent} %`,
      ratio: percent / LIMITS.cpuPercent,
      goal: '≤ 1',
    },
    {
      name: 'memory of the ingest for each of them',
      ours: `${streamMb.toFixed(1)} MB`,
      compared: `limit: ${LIMITS.streamMb} MB`,
      ratio: streamMb / LIMITS.streamMb,
      goal: '≤ 1',
    },
  ]
}

/** Reads a broadcast as its live worker does, and reports a segment every two seconds. */
async function readAsLiveWorker(origin: string, streamId: string): Promise<AsyncDisposable> {
  let worker = await claimBroadcast(origin, streamId)
  await waitUntil(async () => {
    const isAdmitted = Boolean(worker.claim.order?.source)
    if (!isAdmitted) worker = await claimBroadcast(origin, streamId)
    return isAdmitted
  }, 'the encoder is admitted')
  const source: IngestSource = worker.claim.order.source
  const ended = new AbortController()
  const reading = drain(source, ended.signal)
  const timer = setInterval(() => void worker.encode(source.session, 1).catch(() => undefined), 2000)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      ended.abort()
      await reading
    },
  }
}

async function drain({ url, token }: IngestSource, signal: AbortSignal): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = signCallback(token, timestamp, { method: 'GET', path: new URL(url).pathname, body: '' })
  const headers = { 'x-timestamp': timestamp, 'x-signature-256': signature }
  try {
    const response = await fetch(url, { headers, signal })
    if (!response.ok) throw new Error(`the ingest worker answered ${response.status}`)
    for await (const _bytes of response.body ?? []);
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
