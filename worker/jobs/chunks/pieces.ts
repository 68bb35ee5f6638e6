import { INPUT_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import { COMMON_OPTIONS } from '../encode/ffmpeg-arguments.ts'
import type { InputVideo } from '../plan/encode-plan.ts'
import { pieceFileName } from './chunk-files.ts'
import { EXACT_CLOCK_OPTIONS, TIMESTAMP_OFFSET_SEC } from './fragments.ts'
import type { PlannedPiece } from './plan-pieces.ts'
import type { VideoPackets } from './video-packets.ts'

/** An input file, its video track as probed, and the packets of that track. */
export type PieceInput = { readonly path: string; readonly video: InputVideo; readonly track: VideoPackets }

/** QuickTime holds every codec that has a tag, but ffmpeg writes these two into MP4 alone. */
const MP4_ONLY_CODECS = ['vp9', 'av1']

/**
 * Returns the arguments of one ffmpeg run that copies all pieces and reads the input once. As an output option, `-ss`
 * drops packets by decoding time, up to the piece's keyframe, and is subtracted from the times; `-output_ts_offset` adds
 * it again. MOV keeps the video's properties.
 */
export function buildPieceArgs({ path, video, track }: PieceInput, pieces: readonly PlannedPiece[]): string[] {
  const buildOutput = ({ chunk, firstPacket, endPacket }: PlannedPiece) => {
    const fromSec = firstPacket === 0 ? null : decodingTimeSec(track, firstPacket, Math.floor)
    const toSec = endPacket >= track.packets.length ? null : decodingTimeSec(track, endPacket, Math.ceil)
    return [
      ['-map', `0:${video.index}`, '-c', 'copy'],
      fromSec === null ? [] : ['-ss', fromSec.toFixed(6)],
      toSec === null ? [] : ['-to', toSec.toFixed(6)],
      ['-output_ts_offset', (TIMESTAMP_OFFSET_SEC + (fromSec ?? 0)).toFixed(6)],
      ['-video_track_timescale', String(track.timeBase.den), ...EXACT_CLOCK_OPTIONS],
      ['-f', MP4_ONLY_CODECS.includes(video.codec) ? 'mp4' : 'mov', pieceFileName(chunk.index)],
    ].flat()
  }
  return [...COMMON_OPTIONS, ...INPUT_OPTIONS, '-copyts', '-i', toInputUrl(path), ...pieces.flatMap(buildOutput)]
}

/** Returns a packet's decoding time, rounded to 1 µs, the precision of ffmpeg's options. */
function decodingTimeSec({ timeBase, packets }: VideoPackets, index: number, round: (value: number) => number): number {
  return round(((packets[index]?.dts ?? 0) * timeBase.num * 1e6) / timeBase.den) / 1e6
}

/**
 * Returns a description of what is wrong with a piece, or `null`. A piece must hold the planned packets of the input
 * in a row, each with its exact time, and may hold more at its end.
 */
export function findPieceProblem(
  piece: VideoPackets,
  input: VideoPackets,
  { chunk, firstPacket, endPacket }: PlannedPiece,
): string | null {
  const ticksPerSec = input.timeBase.den
  if (piece.timeBase.den !== ticksPerSec) return `piece ${chunk.index} has another clock than the input`
  if (piece.packets.length < endPacket - firstPacket) return `piece ${chunk.index} lacks packets`
  const wrong = piece.packets.findIndex(
    ({ pts }, i) => pts - TIMESTAMP_OFFSET_SEC * ticksPerSec !== input.packets[firstPacket + i]?.pts,
  )
  return wrong < 0 ? null : `piece ${chunk.index} has a wrong timestamp at its packet ${wrong}`
}
