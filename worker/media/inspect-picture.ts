import type { ProgramOptions } from '../platform/run-program.ts'
import { chooseTracks } from './choose-tracks.ts'
import { type FfprobeStream, type InspectedFile, readHeaderDurationSec } from './ffprobe-output.ts'
import { findFilmRate } from './film-rate.ts'
import { choosePlaces, countCombedFrames, readFrameSamples } from './frame-samples.ts'
import { readStatedScan, resolveScan, type ScanType } from './scan-type.ts'

export type ProbeTools = { readonly ffprobePath: string; readonly ffmpegPath: string }

/** Codecs whose frames are always progressive. */
const PROGRESSIVE_CODECS = new Set(['vp8', 'vp9', 'av1', 'theora', 'gif', 'png', 'webp', 'apng'])

/**
 * Returns the file with what the frames of its picture show in place of what its header says: the field order
 * (`interlaced` where each frame states it), and the frame rate of a film whose fields are repeated.
 */
export async function inspectPicture(
  { ffprobePath, ffmpegPath }: ProbeTools,
  file: { readonly path: string; readonly media: InspectedFile },
  options: ProgramOptions,
): Promise<InspectedFile> {
  const { video } = chooseTracks(file.media)
  if (video === undefined || PROGRESSIVE_CODECS.has(video.codec_name ?? '')) return file.media
  const durationSec = readHeaderDurationSec(video) ?? file.media.format.duration ?? 0
  const places = choosePlaces({ startSec: video.start_time ?? 0, durationSec })
  const picture = { path: file.path, index: video.index, places }
  const frames = await readFrameSamples(ffprobePath, picture, options)
  const stated = readStatedScan(video.field_order, frames)
  const scan =
    stated.kind === 'doubtful' ? resolveScan(stated, await countCombedFrames(ffmpegPath, picture, options)) : stated
  const filmRate = scan.kind === 'progressive' ? findFilmRate(video, frames) : null
  const rates = filmRate === null ? {} : { r_frame_rate: filmRate, avg_frame_rate: filmRate }
  const inspected: FfprobeStream = { ...video, ...rates, field_order: toFieldOrder(scan) }
  const streams = file.media.streams.map((stream) => (stream.index === video.index ? inspected : stream))
  return { ...file.media, streams }
}

function toFieldOrder(scan: ScanType): string {
  if (scan.kind === 'progressive') return 'progressive'
  return { top: 'tt', bottom: 'bb', none: 'interlaced' }[scan.order ?? 'none']
}
