import { execFileSync } from 'node:child_process'

import { makeClip, type Clip } from '../../../worker/testing/media.ts'
import { startSimulator } from '../../../worker/testing/stream-simulator.ts'
import { startReceiver } from '../receiver.ts'
import { workerPids } from '../processes.ts'
import { residentMb, treeCpuSec } from './cpu.ts'
import type { Row } from './row.ts'
import { startSystem, type BenchSystem } from './system.ts'

const SEGMENTS = 10
const SEGMENT_SEC = 6
/** The first ones come with the start of the worker, which is not what is asked. */
const NOT_MEASURED = 3

/** What watching one healthy 1080p30 stream costs, all processes counted, against the plain way on the same segments. */
export async function benchWatching(): Promise<Row[]> {
  const parts = [{ sec: SEGMENTS * SEGMENT_SEC }]
  const options = {
    segmentSec: SEGMENT_SEC,
    gopSec: 2,
    fps: 30,
    size: '1920x1080',
    videoKbps: 5000,
    preset: 'veryfast',
    bFrames: 3,
    container: 'ts',
  } as const
  await using clip = await makeClip(parts, options)
  const plainSec =
    clip.segments.reduce((total, segment) => total + plainWayCpuSec(segment.path), 0) / clip.segments.length
  await using system = await startSystem()
  const { perSegmentSec, workerMb, gatewayMb, firstReportSec } = await watch(system, clip)
  return [
    {
      name: 'CPU for a 6 s segment of 1080p30 (x264 veryfast, 5 Mb/s), watched',
      ours: `${perSegmentSec.toFixed(2)} s`,
      compared: `ffprobe + blackdetect + silencedetect: ${plainSec.toFixed(2)} s`,
      ratio: perSegmentSec / plainSec,
      goal: '≤ 0.33',
    },
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

function memoryRow(name: string, mb: number, limitMb: number): Row {
  return { name, ours: `${mb.toFixed(0)} MB`, compared: `limit: ${limitMb} MB`, ratio: mb / limitMb, goal: '≤ 1' }
}

/** ffprobe, then black, then silence, one process after the other; `times` tells what the shell's children used. */
function plainWayCpuSec(segment: string): number {
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

async function watch(system: BenchSystem, clip: Clip) {
  await using simulator = await startSimulator(clip)
  await using receiver = await startReceiver(system.keys.WEBHOOK_SIGNING_KEY)
  const postedMs = Date.now()
  const id = await system.createMonitor({ stream_url: simulator.url, callback_url: receiver.url })
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.started', 15_000)
  const firstReportSec = (Date.now() - postedMs) / 1000
  await system.segmentsAnalyzed(id, NOT_MEASURED)
  const before = treeCpuSec(system.pid)
  await system.segmentsAnalyzed(id, SEGMENTS - 1)
  const workerMb = Math.max(...workerPids(id).map(residentMb))
  const counted = (await system.segmentsAnalyzed(id, SEGMENTS)) - NOT_MEASURED
  const used = treeCpuSec(system.pid) - before
  return { perSegmentSec: used / counted, workerMb, gatewayMb: residentMb(system.pid), firstReportSec }
}
