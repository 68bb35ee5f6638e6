import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import type { Probe } from '../../platform/probed-media.ts'
import { QUIET } from '../encode/arguments.ts'
import { EXACT_CLOCK, HEADROOM_SEC } from './fragments.ts'
import type { Cut } from './grid.ts'
import { pieceName } from './parts.ts'
import type { Picture } from './picture.ts'

type Source = { readonly path: string; readonly picture: Picture; readonly video: NonNullable<Probe['video']> }

/** QuickTime takes every codec that has a tag; these two ffmpeg writes into MP4 alone. */
const ONLY_IN_MP4 = ['vp9', 'av1']

/**
 * Arguments of the one ffmpeg run that copies every piece out of the source, reading it once. A piece begins with its
 * key frame: of an output, ffmpeg copies nothing with a decoding time before `-ss`, and begins with a key frame; it then
 * takes `-ss` off the times, which `-output_ts_offset` puts back. MOV keeps what the source says of the picture.
 */
export function cutArgs({ path, picture, video }: Source, cuts: readonly Cut[]): string[] {
  const output = ({ chunk, firstPacket, endPacket }: Cut) => {
    const fromSec = firstPacket === 0 ? null : secondsOf(picture, firstPacket, Math.floor)
    const toSec = endPacket >= picture.packets.length ? null : secondsOf(picture, endPacket, Math.ceil)
    return [
      ['-map', `0:${video.index}`, '-c', 'copy'],
      fromSec === null ? [] : ['-ss', fromSec.toFixed(6)],
      toSec === null ? [] : ['-to', toSec.toFixed(6)],
      ['-output_ts_offset', (HEADROOM_SEC + (fromSec ?? 0)).toFixed(6)],
      ['-video_track_timescale', String(picture.timeBase.den), ...EXACT_CLOCK],
      ['-f', ONLY_IN_MP4.includes(video.codec) ? 'mp4' : 'mov', pieceName(chunk.index)],
    ].flat()
  }
  return [...QUIET, ...INPUT_OPTIONS, '-copyts', '-i', inputUrl(path), ...cuts.flatMap(output)]
}

/** When a packet is decoded, to a µs, which is as exact as options are. */
function secondsOf({ timeBase, packets }: Picture, place: number, round: (value: number) => number): number {
  return round(((packets[place]?.dts ?? 0) * timeBase.num * 1e6) / timeBase.den) / 1e6
}

/**
 * What is wrong with a piece, `null` if nothing: it must hold the very packets of the source from its first to its last
 * in a row, each with its time to the tick, and may hold more at its end.
 */
export function pieceProblem(piece: Picture, source: Picture, { chunk, firstPacket, endPacket }: Cut): string | null {
  const ticks = source.timeBase.den
  if (piece.timeBase.den !== ticks) return `piece ${chunk.index} has another clock than the source`
  if (piece.packets.length < endPacket - firstPacket) return `piece ${chunk.index} lacks packets`
  const strayed = piece.packets.findIndex(
    ({ pts }, i) => pts - HEADROOM_SEC * ticks !== source.packets[firstPacket + i]?.pts,
  )
  return strayed < 0 ? null : `piece ${chunk.index} has another time at its packet ${strayed}`
}
