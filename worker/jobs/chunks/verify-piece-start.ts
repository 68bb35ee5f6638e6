import { INPUT_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import { runProgram } from '../../platform/run-program.ts'
import { TIMESTAMP_OFFSET_SEC } from './fragments.ts'
import type { InputPackets, PlannedPiece } from './plan-pieces.ts'

/** A copied piece, and the input that it was copied from. */
export type CopiedPiece = InputPackets & {
  readonly piece: PlannedPiece
  readonly piecePath: string
  readonly inputPath: string
  /** Stream index of the video track in the input. */
  readonly index: number
}

type DecodeOptions = { readonly ffmpegPath: string; readonly timeoutMs: number; readonly signal: AbortSignal }

/**
 * Returns whether decoding from a piece's keyframe yields the same frames as decoding from an earlier keyframe. The
 * frames around the chunk's first one are compared. A keyframe need not be a random access point for all frames behind it
 * (open GOP, periodic intra refresh, frames wrongly marked as key).
 */
export async function isPieceStartExact(copied: CopiedPiece, options: DecodeOptions): Promise<boolean> {
  const { piece, index, track, startSec } = copied
  const { packets, timeBase } = track
  const ticksPerSec = timeBase.den
  const offset = TIMESTAMP_OFFSET_SEC * ticksPerSec
  const earlier = packets.findLast(({ isKey }, i) => isKey && i < piece.firstPacket)
  if (earlier === undefined) return false
  const earlierSec = (earlier.dts - 1) / ticksPerSec - startSec
  const seek = earlierSec > 0 ? ['-ss', earlierSec.toFixed(6)] : []
  const { fromPts, endPts } = piece.startRange
  const expected = await digestFrames({ path: copied.inputPath, seek, index, ticksPerSec, endPts }, options)
  const pieceRange = { path: copied.piecePath, seek: [], index: 0, ticksPerSec, endPts: endPts + offset }
  const actual = await digestFrames(pieceRange, options)

  const hasEarlierFrames = [...expected.keys()].some((pts) => pts < (packets[piece.firstPacket]?.pts ?? 0))
  const compared = [...expected].filter(([pts]) => pts >= fromPts)
  const isEqual = compared.every(([pts, digest]) => actual.get(pts + offset) === digest)
  return hasEarlierFrames && compared.length > 0 && isEqual
}

type DecodeRange = {
  readonly path: string
  /** ffmpeg's options that choose where to begin. */
  readonly seek: readonly string[]
  readonly index: number
  readonly ticksPerSec: number
  readonly endPts: number
}

/** Decodes up to a time, and returns a digest of each frame by its time in ticks; none where decoding fails. */
async function digestFrames(
  { path, seek, index, ticksPerSec, endPts }: DecodeRange,
  { ffmpegPath, ...options }: DecodeOptions,
): Promise<ReadonlyMap<number, string>> {
  // Frames keep their size, which may change: ffmpeg would scale them to that of the first one.
  const asStored = ['-noautorotate', '-reinit_filter', '0']
  const args = [
    ['-nostdin', '-hide_banner', '-v', 'error', ...INPUT_OPTIONS, '-copyts', ...asStored, ...seek],
    ['-i', toInputUrl(path)],
    ['-map', `0:${index}`, '-vf', `trim=end_pts=${endPts}`, '-fps_mode', 'passthrough'],
    ['-enc_time_base', `1/${ticksPerSec}`, '-f', 'framemd5', 'pipe:1'],
  ]
  const result = await runProgram(ffmpegPath, args.flat(), options)
  const lines = result.kind === 'exited' && result.code === 0 ? result.stdout.split('\n') : []
  return new Map(lines.flatMap(parseFrameDigest))
}

/** Parses a line `STREAM, DTS, PTS, DURATION, SIZE, DIGEST` of ffmpeg's `framemd5`; comment lines begin with `#`. */
function parseFrameDigest(line: string): [number, string][] {
  const [, , pts, , , digest] = line.split(',').map((field) => field.trim())
  return digest === undefined || line.startsWith('#') ? [] : [[Number(pts), digest]]
}
