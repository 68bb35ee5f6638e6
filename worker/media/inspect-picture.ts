import type { ProgramOptions } from '../platform/run-program.ts'
import { chooseTracks } from './choose-tracks.ts'
import { type FfprobeStream, type InspectedFile, readHeaderDurationSec } from './ffprobe-output.ts'
import { findFilmRate, isCadenceKept } from './film-rate.ts'
import {
  choosePlaces,
  type FrameSamples,
  readFurtherCadence,
  readSamples,
  type SampledPicture,
} from './frame-samples.ts'
import { measureCombs } from './measure-combs.ts'
import { parseFraction, toNumber } from './probed-media.ts'
import { readStatedScan, resolveScan, type ScanType } from './scan-type.ts'

export type ProbeTools = { readonly ffprobePath: string; readonly ffmpegPath: string }

/** Codecs whose frames are never interlaced. */
const PROGRESSIVE_CODECS = new Set(['vp8', 'vp9', 'av1', 'theora', 'gif', 'png', 'webp', 'apng'])

/** Lines of interlaced television. Captures of it are often stored without a word about their fields. */
const INTERLACED_LINES = [480, 486, 576]
const MAX_INTERLACED_FPS = 31

/**
 * Returns the file with what the frames of its picture show in place of what its header says: the field order
 * (`interlaced` where each frame states it), and the frame rate of a film whose fields are repeated.
 */
export async function inspectPicture(
  tools: ProbeTools,
  file: { readonly path: string; readonly media: InspectedFile },
  options: ProgramOptions,
): Promise<InspectedFile> {
  const { video } = chooseTracks(file.media)
  if (video === undefined || PROGRESSIVE_CODECS.has(video.codec_name ?? '')) return file.media
  const { format_name: format, duration = 0 } = file.media.format
  const places = choosePlaces(video.start_time ?? 0, readHeaderDurationSec(video) ?? duration)
  const picture = { path: file.path, index: video.index, format, ...places }
  const samples = await readSamples(tools.ffprobePath, picture, options)
  const scan = await inspectScan(tools.ffmpegPath, { picture, video, samples }, options)
  const filmRate = scan.kind === 'progressive' ? findFilmRate(video, samples.first) : null
  const isFilm = filmRate !== null && isCadenceKept(await readFurtherCadence(tools.ffprobePath, picture, options))
  const rates = isFilm ? { r_frame_rate: filmRate, avg_frame_rate: filmRate } : {}
  const inspected: FfprobeStream = { ...video, ...rates, field_order: toFieldOrder(scan) }
  const streams = file.media.streams.map((stream) => (stream.index === video.index ? inspected : stream))
  return { ...file.media, streams }
}

type SampledVideo = {
  readonly picture: SampledPicture
  readonly video: FfprobeStream
  readonly samples: FrameSamples
}

/** Finds out how a picture was scanned, by the statements of its header and its frames and, in doubt, by its content. */
async function inspectScan(
  ffmpegPath: string,
  { picture, video, samples }: SampledVideo,
  options: ProgramOptions,
): Promise<ScanType> {
  const stated = readStatedScan(video.field_order, [...samples.first, ...samples.further])
  const isMeasured = stated.kind !== 'progressive' || hasInterlacedRaster(video)
  return resolveScan(stated, isMeasured ? await measureCombs(ffmpegPath, picture, options) : [])
}

function hasInterlacedRaster({ height, avg_frame_rate, r_frame_rate }: FfprobeStream): boolean {
  const rate = parseFraction(avg_frame_rate) ?? parseFraction(r_frame_rate)
  return INTERLACED_LINES.includes(height) && rate !== null && toNumber(rate) < MAX_INTERLACED_FPS
}

function toFieldOrder(scan: ScanType): string {
  if (scan.kind === 'progressive') return 'progressive'
  return { top: 'tt', bottom: 'bb', none: 'interlaced' }[scan.order ?? 'none']
}
