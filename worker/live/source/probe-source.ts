import * as v from 'valibot'

import { ENCODING_PROBLEMS } from '../../../shared/contract/live-problems.ts'
import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { runProgram } from '../../platform/run-program.ts'
import { FfprobeOutput, type FfprobeStream } from '../../media/ffprobe-output.ts'
import { MAX_PIXELS, type SourceVideo } from '../plan/source-facts.ts'
import type { SourceStart } from './collect-start.ts'
import { createTagFeed, type TagFeed } from './feed-tags.ts'
import { measureFrameRate } from './measure-frames.ts'

/** What an encoder sends, or why it cannot be encoded. `failed`: the probe itself failed, which may pass. */
export type SourceProbe =
  | { readonly kind: 'ok'; readonly video: SourceVideo; readonly hasAudio: boolean }
  | { readonly kind: 'problem'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

const TIMEOUT_MS = 15_000
/** A macroblock of H.264. */
const LEAST_SIDE = 16
const ENTRIES = 'index,codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,field_order,sample_rate,channels'
/** The widest accepted ratio of a pixel's sides. Others are mistakes of encoders. */
const MAX_PIXEL_ASPECT = 4

/** Probes the first tags of a source with ffprobe, which reads nothing else. */
export async function probeSource(ffprobePath: string, start: SourceStart, signal: AbortSignal): Promise<SourceProbe> {
  const feed = createTagFeed(start)
  const args = [
    ['-hide_banner', '-v', 'error', '-protocol_whitelist', 'pipe', '-max_pixels', String(MAX_PIXELS)],
    ['-probesize', '64M', '-analyzeduration', '20M', '-f', feed.format],
    ['-show_entries', `format=format_name:stream=${ENTRIES}`, '-of', 'json', '-i', 'pipe:0'],
  ]
  const input = [feed.header, ...start.tags.map(feed.encode)]
  const result = await runProgram(ffprobePath, args.flat(), {
    timeoutMs: TIMEOUT_MS,
    signal,
    input,
    limits: PROGRAM_LIMITS.probe,
  })
  if (result.kind !== 'exited') return { kind: 'failed', reason: `ffprobe ended: ${result.kind}` }
  if (result.code !== 0) return { kind: 'problem', reason: ENCODING_PROBLEMS.unreadable }
  const { streams } = v.parse(FfprobeOutput, JSON.parse(result.stdout))
  const video = streams.find(({ codec_type: type }) => type === 'video')
  const sound = streams.find(({ codec_type: type }) => type === 'audio')
  if (video === undefined || video.width === 0 || video.height === 0)
    return { kind: 'problem', reason: ENCODING_PROBLEMS.picture_unreadable }
  const sizeProblem = findSizeProblem(video)
  if (sizeProblem !== null) return { kind: 'problem', reason: sizeProblem }
  const hasAudio = sound !== undefined && (sound.sample_rate ?? 0) > 0 && sound.channels > 0
  return { kind: 'ok', video: describeVideo(video, start, feed), hasAudio }
}

function findSizeProblem({ width, height }: FfprobeStream): string | null {
  if (width * height > MAX_PIXELS) return `${ENCODING_PROBLEMS.too_large}: ${width}x${height}`
  return Math.min(width, height) < LEAST_SIDE ? `${ENCODING_PROBLEMS.too_small}: ${width}x${height}` : null
}

function describeVideo(stream: FfprobeStream, start: SourceStart, { format }: TagFeed): SourceVideo {
  return {
    codec: stream.codec_name ?? 'unknown',
    pixelFormat: stream.pix_fmt ?? 'unknown',
    width: stream.width,
    height: stream.height,
    pixelAspect: readPixelAspect(stream.sample_aspect_ratio),
    // Matroska has no decoding times, without which frames that are presented in another order cannot be copied.
    isCopyable: format === 'flv',
    isInterlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
    frameRate: measureFrameRate(start.frameTimesMs),
    keyFrameTimesMs: start.keyFrameTimesMs,
  }
}

/** Parses a ratio such as `4:3`; 1 where it is unknown or implausible. */
function readPixelAspect(text: string | undefined): number {
  const [, width, height] = /^(\d+):(\d+)$/.exec(text ?? '') ?? []
  const ratio = Number(width) / Number(height)
  return ratio >= 1 / MAX_PIXEL_ASPECT && ratio <= MAX_PIXEL_ASPECT ? ratio : 1
}
