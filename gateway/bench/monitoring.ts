import { execFileSync } from 'node:child_process'

import { makeClip, repeatClip, type Clip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { startReceiver } from '../testing/receiver.ts'
import { findWorkerPids } from '../testing/find-processes.ts'
import { readResidentMb, readTreeCpuSec } from './cpu.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem, type BenchSystem } from './system.ts'

const SEGMENT_SEC = 6
/** What is encoded, in segments, and how often it is repeated. */
const ENCODED_SEGMENTS = 13
const ROUNDS = 3
const SEGMENTS = 38
/**
 * Segments until the code of worker and gateway is compiled and their memory has settled: in the first two minutes of a
 * monitor, which lasts for hours, a segment costs about twice as much as later.
 */
const WARM_UP_SEGMENTS = 28
/** `waitForSegments` waits two minutes. */
const WAIT_SEGMENTS = 14

/** Measures the cost of monitoring one healthy 1080p30 stream, over all processes, against plain ffmpeg filters. */
export async function benchMonitoring(): Promise<BenchResult[]> {
  const { row, workerMb, gatewayMb, firstReportSec } = await benchPreset('veryfast', '≤ 0.13')
  const ultrafast = await benchPreset('ultrafast', '≤ 0.2')
  return [
    row,
    ultrafast.row,
    memoryRow('memory of one worker', workerMb, 120),
    memoryRow('memory of the gateway', gatewayMb, 200),
    {
      name: 'first report after POST',
      ours: `${firstReportSec.toFixed(2)} s`,
      compared: 'limit: 3 s',
      ratio: firstReportSec / 3,
      goal: '≤ 1',
    },
  ]
}

/** Measures a stream that x264 has encoded with a preset: the cheaper the preset, the cheaper is decoding it in full. */
async function benchPreset(preset: 'veryfast' | 'ultrafast', goal: string) {
  await using encoded = await makeClip([{ sec: ENCODED_SEGMENTS * SEGMENT_SEC }], {
    segmentSec: SEGMENT_SEC,
    gopSec: 2,
    fps: 30,
    size: '1920x1080',
    videoKbps: 5000,
    preset,
    bFrames: preset === 'ultrafast' ? 0 : 3,
    container: 'ts',
  })
  const plainSec =
    encoded.segments.reduce((total, { path }) => total + measureBaselineCpuSec(path), 0) / encoded.segments.length
  const clip = await repeatClip(encoded, ROUNDS)
  // Alone in its process, a worker is found by its environment.
  await using system = await startBenchSystem({ env: { MONITORS_PER_WORKER: '1' } })
  const measured = await measureMonitor(system, clip)
  const row: BenchResult = {
    name: `CPU for a 6 s segment of 1080p30 (x264 ${preset}, 5 Mb/s), watched`,
    ours: `${measured.perSegmentSec.toFixed(2)} s`,
    compared: `ffprobe + blackdetect + silencedetect: ${plainSec.toFixed(2)} s`,
    ratio: measured.perSegmentSec / plainSec,
    goal,
  }
  return { ...measured, row }
}

function memoryRow(name: string, mb: number, limitMb: number): BenchResult {
  return { name, ours: `${mb.toFixed(0)} MB`, compared: `limit: ${limitMb} MB`, ratio: mb / limitMb, goal: '≤ 1' }
}

/** Measures ffprobe, blackdetect and silencedetect, one process each, by the shell's `times`. */
function measureBaselineCpuSec(segment: string): number {
  const script = `
    ffprobe -v error -show_streams -show_format "$1" >/dev/null
    ffmpeg -nostdin -v error -i "$1" -vf blackdetect=d=0.1:pix_th=0.10 -an -f null -
    ffmpeg -nostdin -v error -i "$1" -af silencedetect=n=-50dB:d=0.5 -vn -f null -
    times`
  const [, children = ''] = execFileSync('sh', ['-c', script, 'sh', segment], { encoding: 'utf8' }).trim().split('\n')
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sec, [, min, rest]) => sec + Number(min) * 60 + Number(rest),
    0,
  )
}

async function measureMonitor(system: BenchSystem, clip: Clip) {
  await using simulator = await startBroadcastSimulator(clip)
  await using receiver = await startReceiver(system.keys.WEBHOOK_SIGNING_KEY)
  const postedMs = Date.now()
  const id = await system.createMonitor({ stream_url: simulator.url, callback_url: receiver.url })
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.started', 15_000)
  const firstReportSec = (Date.now() - postedMs) / 1000
  await system.waitForSegments(id, WAIT_SEGMENTS)
  await system.waitForSegments(id, WARM_UP_SEGMENTS)
  const before = readTreeCpuSec(system.pid)
  await system.waitForSegments(id, SEGMENTS - 1)
  const workerMb = Math.max(...findWorkerPids(id).map(readResidentMb))
  const counted = (await system.waitForSegments(id, SEGMENTS)) - WARM_UP_SEGMENTS
  const used = readTreeCpuSec(system.pid) - before
  return { perSegmentSec: used / counted, workerMb, gatewayMb: readResidentMb(system.pid), firstReportSec }
}
