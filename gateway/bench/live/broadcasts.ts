import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import type { Latency } from '../../../shared/contract/live.ts'
import { findFreePort } from '../../adapters/http/free-port.ts'
import { medianOf } from '../../demo/live-summary.ts'
import { playBroadcast, type MediaArrival } from '../../live/testing/player/player.ts'
import { findEncoderPids, findWorkerPids } from '../../testing/find-processes.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import { readCpuSec } from '../cpu.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem, type BenchSystem } from '../system.ts'
import { registerBroadcaster, waitUntil, type Broadcaster } from './broadcaster.ts'
import { benchServing } from './serving.ts'
import { publishClip } from './source-clip.ts'

/** The highest rendition is the source itself. */
const LADDER = '720:2800,480:1400,360:800'
const LIMITS = { lowSec: 3, normalSec: 8 }
const START_TIMEOUT_MS = 30_000
const POLL_MS = 100
/** Before this, the worker starts and learns what the encoder sends, in ms. */
const WARM_UP_MS = 7000

/** Measures two broadcasts, of low and of normal latency, and the delivery of what was recorded. */
export async function benchBroadcasts(dir: string, clip: string): Promise<BenchResult[]> {
  const rtmpPort = await findFreePort(null)
  const storageDir = join(dir, 'media')
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: {
      STORAGE_DIR: storageDir,
      LIVE_LADDER: LADDER,
      RTMP_PORT: String(rtmpPort),
      RTMP_URL: `rtmp://127.0.0.1:${rtmpPort}/live`,
    },
  })
  const broadcaster = await registerBroadcaster(system)
  const low = await runBroadcast({ system, broadcaster, clip, latency: 'low' })
  const normal = await runBroadcast({ system, broadcaster, clip, latency: 'normal' })
  return [
    {
      name: 'CPU of the live worker for a broadcast in 3 renditions (packaging, storing, parts)',
      ours: `${low.cpu.worker.toFixed(2)} s`,
      compared: `its ffmpeg, which encodes two of them: ${low.cpu.encoder.toFixed(2)} s`,
      ratio: low.cpu.worker / low.cpu.encoder,
      goal: '≤ 0.1',
    },
    delayRow('a part at the player after its first frame came to the ingest, `low`, median', {
      sec: medianOf(low.arrivals.filter(({ kind }) => kind === 'part').map(({ delaySec }) => delaySec)),
      limitSec: LIMITS.lowSec,
    }),
    delayRow('a segment at the player after its first frame came to the ingest, `normal`, median', {
      // The first one waits for the player.
      sec: medianOf(normal.arrivals.slice(1).map(({ delaySec }) => delaySec)),
      limitSec: LIMITS.normalSec,
    }),
    ...(await benchServing({ system, storageDir, dir, streamId: low.streamId })),
  ]
}

function delayRow(name: string, { sec, limitSec }: { readonly sec: number; readonly limitSec: number }): BenchResult {
  return {
    name,
    ours: `${sec.toFixed(2)} s`,
    compared: `limit from encoder to screen: ${limitSec} s`,
    ratio: sec / limitSec,
    goal: '≤ 1',
  }
}

type BroadcastRun = {
  readonly system: BenchSystem
  readonly broadcaster: Broadcaster
  readonly clip: string
  readonly latency: Latency
}

type MeasuredBroadcast = {
  readonly streamId: string
  readonly arrivals: readonly MediaArrival[]
  readonly cpu: EncodingCpu
}

/** Publishes the clip, plays it, and ends the broadcast. */
async function runBroadcast({ system, broadcaster, clip, latency }: BroadcastRun): Promise<MeasuredBroadcast> {
  const { id, key, rtmpUrl } = await broadcaster.create({ latency })
  const url = `${system.origin}/live/${id}/master.m3u8`
  await waitForPort(Number(new URL(rtmpUrl).port), AbortSignal.timeout(START_TIMEOUT_MS))
  await using publisher = publishClip(clip, `${rtmpUrl}/${key}`)
  const playing = playBroadcast({ url, signal: AbortSignal.timeout(120_000) })
  const [{ arrivals }, cpu] = await Promise.all([
    playing,
    measureEncoding(`live-${id}`, publisher.ended).then(async (measured) => {
      await broadcaster.end(id)
      return measured
    }),
  ])
  return { streamId: id, arrivals, cpu }
}

type EncodingCpu = { readonly worker: number; readonly encoder: number }

/** Measures the CPU of a live worker alone, and of its ffmpeg, until all was sent. */
async function measureEncoding(id: string, sent: Promise<unknown>): Promise<EncodingCpu> {
  const progress = { isSent: false }
  void sent.then(() => (progress.isSent = true))
  let worker = 0
  await waitUntil(() => {
    worker = findWorkerPids(id)[0] ?? 0
    return worker > 0 && findEncoderPids(worker).length > 0
  }, 'the broadcast is encoded')
  await wait(WARM_UP_MS)
  const workerFrom = readCpuSec(worker)
  // Where the machine is busy, a run of ffmpeg without the highest rendition follows.
  const runs = new Map<number, { readonly from: number; to: number }>()
  while (!progress.isSent) {
    for (const pid of findEncoderPids(worker)) {
      const cpu = readCpuSec(pid)
      const known = runs.get(pid)
      if (known === undefined) runs.set(pid, { from: runs.size === 0 ? cpu : 0, to: cpu })
      else if (cpu > 0) known.to = cpu
    }
    await wait(POLL_MS)
  }
  const encoder = [...runs.values()].reduce((sum, { from, to }) => sum + to - from, 0)
  return { worker: readCpuSec(worker) - workerFrom, encoder }
}
