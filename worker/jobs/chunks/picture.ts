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

/** Of two days at 60 frames a second, a line each: more is refused. */
const MAX_LINES_BYTES = 512 * 1024 * 1024

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
  const result = await runProgram(ffprobePath, args, { ...options, maxStdoutBytes: MAX_LINES_BYTES })
  if (result.kind === 'exited' && result.code === 0) return toPicture(result.stdout)
  return { kind: 'failed', reason: `the picture's times cannot be read: ffprobe ${result.kind}` }
}

/**
 * Makes a picture of ffprobe's lines. It is unusable where a packet has no time, two have the same, decoding times do
 * not rise, the clock jumps, or packets are hidden other than at the beginning: ffmpeg guesses in these cases, and what
 * it guesses depends on where it began to read. So it is where a tick is no whole part of a second (some AVI).
 */
export function toPicture(lines: string): PictureResult {
  const [, num, den] = /^(?:program\|)?stream,(\d+)\/(\d+)/m.exec(lines) ?? []
  const timeBase = { num: Number(num), den: Number(den) }
  if (num === undefined || den === undefined) return { kind: 'failed', reason: 'the picture has no clock' }
  const [first, ...rest] = withDecodingTimes(lines.split('\n').flatMap(toPacket))
  if (first === undefined) return { kind: 'unusable', reason: 'the picture has no packets' }
  const picture = { timeBase, packets: [first, ...rest] } as const
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
function withDecodingTimes(packets: readonly PicturePacket[]): readonly PicturePacket[] {
  const known = packets.findIndex(({ dts }) => !Number.isNaN(dts))
  const first = packets[known]
  if (first === undefined) return packets
  return packets.map((packet, i) => (i < known ? { ...packet, dts: first.dts - (known - i) } : packet))
}

function problemOf({ timeBase, packets }: Picture): string | null {
  const maxJump = (MAX_JUMP_SEC * timeBase.den) / timeBase.num
  if (timeBase.num !== 1) return 'the clock does not tick in parts of a second'
  if (packets.some(({ pts, dts }) => Number.isNaN(pts) || Number.isNaN(dts))) return 'some packets have no time'
  const isRising = packets.every(({ dts }, i) => dts > (packets[i - 1]?.dts ?? -Infinity))
  if (!isRising) return 'decoding times do not rise'
  if (packets.some(({ dts }, i) => dts - (packets[i - 1]?.dts ?? dts) > maxJump)) return 'the clock jumps'
  if (new Set(packets.map(({ pts }) => pts)).size < packets.length) return 'two packets have the same time'
  const firstShown = packets.reduce((min, { isHidden, pts }) => (isHidden ? min : Math.min(min, pts)), Infinity)
  if (packets.some(({ isHidden, pts }) => isHidden && pts >= firstShown)) return 'packets are hidden in the middle'
  return null
}
