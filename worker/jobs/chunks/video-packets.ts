import { INPUT_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import { createLineReader } from '../../platform/line-reader.ts'
import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { runProgram } from '../../platform/run-program.ts'

/** A packet of a video track. Times are in ticks of the track's clock. */
export type VideoPacket = {
  readonly pts: number
  readonly dts: number
  readonly duration: number
  readonly isKey: boolean
  /** Decoded but not displayed: the edit list begins after it. */
  readonly isHidden: boolean
}

/** Length of a tick in seconds, as a fraction. */
export type TimeBase = { readonly num: number; readonly den: number }

/** All packets of a video track in the order of the file, which is the decoding order. */
export type VideoPackets = {
  readonly timeBase: TimeBase
  readonly packets: readonly [VideoPacket, ...VideoPacket[]]
}

/** `unusable`: no exact piece can be cut by these timestamps. `failed`: the track could not be read. */
export type VideoPacketsResult =
  | { readonly kind: 'ok'; readonly track: VideoPackets }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

type ReadPacketsOptions = {
  readonly ffprobePath: string
  /** Stream index of the track in its file. */
  readonly index: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Eleven hours at 50 frames per second, which fit into the worker's memory. A longer video is not split. */
export const MAX_PACKETS = 2_000_000

/** ffmpeg corrects a longer jump (`-dts_delta_threshold`), which it would not notice in a piece. */
const MAX_JUMP_SEC = 9

/** Reads the timestamps of all packets of a video track, without decoding any. */
export async function readVideoPackets(
  path: string,
  { ffprobePath, index, ...options }: ReadPacketsOptions,
): Promise<VideoPacketsResult> {
  const entries = 'stream=time_base:packet=pts,dts,duration,flags'
  const output = ['-select_streams', String(index), '-show_entries', entries, '-of', 'csv']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...output, '-i', toInputUrl(path)]
  const collector = createPacketCollector()
  const tooMany = new AbortController()
  const onLine = (line: string) => {
    collector.addLine(line)
    if (collector.count() > MAX_PACKETS) tooMany.abort()
  }
  const result = await runProgram(ffprobePath, args, {
    ...options,
    limits: PROGRAM_LIMITS.probe,
    signal: AbortSignal.any([options.signal, tooMany.signal]),
    onStdout: createLineReader(onLine),
  })
  if (tooMany.signal.aborted) return { kind: 'unusable', reason: `the video has more than ${MAX_PACKETS} packets` }
  if (result.kind === 'exited' && result.code === 0) return collector.finish()
  return { kind: 'failed', reason: `the timestamps of the video could not be read: ffprobe ${result.kind}` }
}

/**
 * Creates a collector of ffprobe's CSV lines. A track is unusable where ffmpeg would guess, since its guess depends on
 * where it begins to read: missing or equal timestamps, decoding times that do not rise, a clock that jumps, packets
 * hidden other than at the start, or a tick that is not a whole part of a second (some AVI).
 */
export function createPacketCollector() {
  const packets: VideoPacket[] = []
  let timeBase: TimeBase | null = null
  return {
    addLine: (line: string) => {
      packets.push(...parsePacket(line))
      const [, num, den] = /^(?:program\|)?stream,(\d+)\/(\d+)/.exec(line) ?? []
      if (num !== undefined && den !== undefined) timeBase ??= { num: Number(num), den: Number(den) }
    },
    count: () => packets.length,
    finish: () => toVideoPackets(timeBase, packets),
  }
}

function toVideoPackets(timeBase: TimeBase | null, packets: VideoPacket[]): VideoPacketsResult {
  if (timeBase === null) return { kind: 'failed', reason: 'the video has no clock' }
  fillDecodingTimes(packets)
  const [first] = packets
  if (first === undefined) return { kind: 'unusable', reason: 'the video has no packets' }
  const track = { timeBase, packets: [first, ...packets.slice(1)] } as const
  const reason = findClockProblem(track)
  return reason === null ? { kind: 'ok', track } : { kind: 'unusable', reason }
}

/** Parses a line `packet,PTS,DTS,DURATION,FLAGS`; an unknown time is `N/A`, and becomes `NaN`. */
function parsePacket(line: string): VideoPacket[] {
  const [kind, pts, dts, duration, flags = ''] = line.split(',')
  if (kind !== 'packet') return []
  const ticks = Number(duration)
  return [
    {
      pts: Number(pts),
      dts: Number(dts),
      duration: Number.isNaN(ticks) ? 0 : ticks,
      isKey: flags.startsWith('K'),
      isHidden: flags.includes('D'),
    },
  ]
}

/** Fills in the first decoding times, which are missing in containers without them (Matroska). */
function fillDecodingTimes(packets: VideoPacket[]): void {
  const known = packets.findIndex(({ dts }) => !Number.isNaN(dts))
  const firstDts = packets[known]?.dts ?? 0
  for (const [i, packet] of packets.slice(0, Math.max(known, 0)).entries()) {
    packets[i] = { ...packet, dts: firstDts - (known - i) }
  }
}

function findClockProblem({ timeBase, packets }: VideoPackets): string | null {
  const maxJump = (MAX_JUMP_SEC * timeBase.den) / timeBase.num
  if (timeBase.num !== 1) return 'a tick of the video is not a whole part of a second'
  if (packets.some(({ pts, dts }) => Number.isNaN(pts) || Number.isNaN(dts)))
    return 'packets of the video have no timestamp'
  const isRising = packets.every(({ dts }, i) => dts > (packets[i - 1]?.dts ?? -Infinity))
  if (!isRising) return 'the decoding times of the video do not rise'
  if (packets.some(({ dts }, i) => dts - (packets[i - 1]?.dts ?? dts) > maxJump)) return 'the clock of the video jumps'
  const times = Float64Array.from(packets, ({ pts }) => pts).toSorted()
  if (times.some((pts, i) => pts === times[i - 1])) return 'two packets of the video have the same timestamp'
  const firstShown = packets.reduce((min, { isHidden, pts }) => (isHidden ? min : Math.min(min, pts)), Infinity)
  if (packets.some(({ isHidden, pts }) => isHidden && pts >= firstShown)) return 'packets are hidden within the video'
  return null
}
