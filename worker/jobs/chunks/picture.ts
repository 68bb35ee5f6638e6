import { lineReader } from '../../platform/line-reader.ts'
import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import { runProgram } from '../../platform/run-program.ts'
import type { Rational } from '../output-plan.ts'

/** A packet of a picture track; times are in ticks of the track's clock. */
export type PicturePacket = {
  readonly pts: number
  readonly dts: number
  readonly duration: number
  readonly isKey: boolean
  /** Decoded, but not shown: an edit list begins behind it. */
  readonly isHidden: boolean
}

/** Every packet of a file's picture track, in the order of the file, which is that of decoding. */
export type Picture = {
  /** One tick, in seconds. */
  readonly timeBase: Rational
  readonly packets: readonly [PicturePacket, ...PicturePacket[]]
}

/** `unusable`: its times are not such that a piece of it could be placed exactly. `failed`: it could not be read. */
type PictureResult =
  | { readonly kind: 'ok'; readonly picture: Picture }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

type ReadOptions = {
  readonly ffprobePath: string
  /** Of the track in its file. */
  readonly index: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Of eleven hours at 50 frames a second, which the worker's memory holds: more are not split. */
export const MAX_PACKETS = 2_000_000

/** ffmpeg takes a longer jump for a broken clock, and mends it (`-dts_delta_threshold`): pieces would not know of it. */
const MAX_JUMP_SEC = 9

/** Reads the times of all packets of a picture track, without decoding any. */
export async function readPicture(
  path: string,
  { ffprobePath, index, ...options }: ReadOptions,
): Promise<PictureResult> {
  const entries = 'stream=time_base:packet=pts,dts,duration,flags'
  const what = ['-select_streams', String(index), '-show_entries', entries, '-of', 'csv']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...what, '-i', inputUrl(path)]
  const lines = pictureLines()
  const tooMany = new AbortController()
  const onLine = (line: string) => {
    lines.add(line)
    if (lines.packets() > MAX_PACKETS) tooMany.abort()
  }
  const result = await runProgram(ffprobePath, args, {
    ...options,
    signal: AbortSignal.any([options.signal, tooMany.signal]),
    onStdout: lineReader(onLine),
  })
  if (tooMany.signal.aborted) return { kind: 'unusable', reason: `the picture has more than ${MAX_PACKETS} packets` }
  if (result.kind === 'exited' && result.code === 0) return lines.toPicture()
  return { kind: 'failed', reason: `the picture's times cannot be read: ffprobe ${result.kind}` }
}

/**
 * Makes a picture of ffprobe's lines. It is unusable where a packet has no time, two have the same, decoding times do
 * not rise, the clock jumps, or packets are hidden other than at the beginning: ffmpeg guesses in these cases, and what
 * it guesses depends on where it began to read. So it is where a tick is no whole part of a second (some AVI).
 */
export function pictureLines() {
  const packets: PicturePacket[] = []
  let timeBase: Rational | null = null
  return {
    add: (line: string) => {
      packets.push(...toPacket(line))
      const [, num, den] = /^(?:program\|)?stream,(\d+)\/(\d+)/.exec(line) ?? []
      if (num !== undefined && den !== undefined) timeBase ??= { num: Number(num), den: Number(den) }
    },
    packets: () => packets.length,
    toPicture: () => toPicture(timeBase, packets),
  }
}

function toPicture(timeBase: Rational | null, packets: PicturePacket[]): PictureResult {
  if (timeBase === null) return { kind: 'failed', reason: 'the picture has no clock' }
  makeUpDecodingTimes(packets)
  const [first] = packets
  if (first === undefined) return { kind: 'unusable', reason: 'the picture has no packets' }
  const picture = { timeBase, packets: [first, ...packets.slice(1)] } as const
  const reason = problemOf(picture)
  return reason === null ? { kind: 'ok', picture } : { kind: 'unusable', reason }
}

/** A line is `packet,PTS,DTS,DURATION,FLAGS`; what is not known is `N/A`, and becomes `NaN`. */
function toPacket(line: string): PicturePacket[] {
  const [kind, pts, dts, duration, flags = ''] = line.split(',')
  if (kind !== 'packet') return []
  const length = Number(duration)
  return [
    {
      pts: Number(pts),
      dts: Number(dts),
      duration: Number.isNaN(length) ? 0 : length,
      isKey: flags.startsWith('K'),
      isHidden: flags.includes('D'),
    },
  ]
}

/** Containers that have no decoding times (Matroska) leave the first ones open: nothing is decoded before them. */
function makeUpDecodingTimes(packets: PicturePacket[]): void {
  const known = packets.findIndex(({ dts }) => !Number.isNaN(dts))
  const dtsOfKnown = packets[known]?.dts ?? 0
  for (const [i, packet] of packets.slice(0, Math.max(known, 0)).entries()) {
    packets[i] = { ...packet, dts: dtsOfKnown - (known - i) }
  }
}

function problemOf({ timeBase, packets }: Picture): string | null {
  const maxJump = (MAX_JUMP_SEC * timeBase.den) / timeBase.num
  if (timeBase.num !== 1) return 'the clock does not tick in parts of a second'
  if (packets.some(({ pts, dts }) => Number.isNaN(pts) || Number.isNaN(dts))) return 'some packets have no time'
  const isRising = packets.every(({ dts }, i) => dts > (packets[i - 1]?.dts ?? -Infinity))
  if (!isRising) return 'decoding times do not rise'
  if (packets.some(({ dts }, i) => dts - (packets[i - 1]?.dts ?? dts) > maxJump)) return 'the clock jumps'
  const times = Float64Array.from(packets, ({ pts }) => pts).toSorted()
  if (times.some((pts, i) => pts === times[i - 1])) return 'two packets have the same time'
  const firstShown = packets.reduce((min, { isHidden, pts }) => (isHidden ? min : Math.min(min, pts)), Infinity)
  if (packets.some(({ isHidden, pts }) => isHidden && pts >= firstShown)) return 'packets are hidden in the middle'
  return null
}
