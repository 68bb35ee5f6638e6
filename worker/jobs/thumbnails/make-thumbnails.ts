import { rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { runProgram } from '../../platform/run-program.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'
import { layOutSprite, type SpriteLayout, formatSpriteTrack } from './sprite.ts'

/** `made`: names of the new files in the set's folder; none for an output without video. */
export type ThumbnailsResult =
  | { readonly kind: 'made'; readonly files: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string }

export type ThumbnailOptions = {
  readonly ffmpegPath: string
  readonly plan: OutputPlan
  /** The finished output. Its video is upright, progressive and SDR, and starts where the clip starts. */
  readonly set: OutputSet
  readonly signal: AbortSignal
  /** Limit for all thumbnails together. */
  readonly timeoutMs: number
}

type ThumbnailNames = { readonly poster: string; readonly sheets: readonly string[]; readonly track: string }

/** Candidate positions of the poster, as shares of the duration; the first one that is not black is used. */
const POSTER_POSITIONS = [0.1, 0.3, 0.5, 0.7, 0]
/** Mean luma (16 to 235) below which a frame counts as black. */
const BLACK_LUMA = 28
/** Frames from which ffmpeg selects the most representative one; they are held in memory. */
const POSTER_FRAMES = 24
const MAX_POSTER_WIDTH = 1280

/**
 * Makes `poster.jpg`, `sprite_N.jpg` and `thumbnails.vtt` in the set's folder. For a single file, their names begin with its
 * name: `clip.mp4` has `clip.poster.jpg`. Every failure is a value, and leaves none of the files.
 */
export async function makeThumbnails(options: ThumbnailOptions): Promise<ThumbnailsResult> {
  const { plan, set } = options
  const layout = layOutSprite(plan)
  if (layout === null) return { kind: 'made', files: [] }
  const names = nameThumbnails(plan, set, layout.sheets)
  const files = [names.poster, ...names.sheets, names.track]
  try {
    const run = createFfmpegRunner(options)
    await makePoster(run, options, names.poster)
    await run(spriteArgs(options, layout, names))
    await writeFile(join(set.dir, names.track), formatSpriteTrack(layout, plan.durationSec, names.sheets))
    await Promise.all(files.map((name) => stat(join(set.dir, name))))
    return { kind: 'made', files }
  } catch (error) {
    await Promise.all(files.map((name) => rm(join(set.dir, name), { force: true })))
    return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

function nameThumbnails({ container }: OutputPlan, { entry }: OutputSet, sheets: number): ThumbnailNames {
  const prefix = container === 'mp4' ? `${entry.replace(/\.[^.]*$/, '')}.` : ''
  return {
    poster: `${prefix}poster.jpg`,
    sheets: Array.from({ length: sheets }, (_, n) => `${prefix}sprite_${n}.jpg`),
    track: `${prefix}thumbnails.vtt`,
  }
}

/** Runs ffmpeg in the remaining time and returns its stdout; throws where ffmpeg fails. */
type RunFfmpeg = (args: readonly string[]) => Promise<string>

function createFfmpegRunner({ ffmpegPath, set, signal, timeoutMs }: ThumbnailOptions): RunFfmpeg {
  const deadlineMs = performance.now() + timeoutMs
  return async (args) => {
    const timeLeftMs = Math.max(0, deadlineMs - performance.now())
    const common = ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-y']
    const result = await runProgram(ffmpegPath, [...common, ...args], {
      timeoutMs: timeLeftMs,
      signal,
      cwd: set.dir,
    })
    if (result.kind === 'exited' && result.code === 0) return result.stdout
    const detail = result.kind === 'exited' ? `: ${result.stderr.trim().slice(0, 200)}` : ''
    throw new Error(`making thumbnails failed: ffmpeg ${result.kind.replaceAll('_', ' ')}${detail}`)
  }
}

/** Makes the poster. Where all candidates are black, the last one stays. */
async function makePoster(run: RunFfmpeg, options: ThumbnailOptions, name: string): Promise<void> {
  const filters = [
    `scale=w='min(${MAX_POSTER_WIDTH},iw)':h=-2,format=yuv420p,thumbnail=${POSTER_FRAMES}`,
    'signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-',
  ].join(',')
  for (const position of POSTER_POSITIONS) {
    const image = ['-vf', filters, '-frames:v', '1', '-q:v', '3', '-f', 'image2', '-update', '1', `file:${name}`]
    const stdout = await run([...posterInputArgs(options, position), ...image])
    const luma = Number(/YAVG=([\d.]+)/.exec(stdout)?.[1] ?? 0)
    if (luma >= BLACK_LUMA) return
  }
}

/**
 * Returns the arguments of one pass over the keyframes of the smallest rendition. Each interval is represented by the
 * keyframe nearest to its middle; the last keyframe fills the intervals after it.
 */
function spriteArgs(options: ThumbnailOptions, layout: SpriteLayout, { sheets }: ThumbnailNames): string[] {
  const { intervalSec, tiles, tileWidth, tileHeight, columns, rows } = layout
  const filters = [
    `fps=1/${intervalSec}:start_time=0:eof_action=pass,tpad=stop=-1:stop_mode=clone,trim=end_frame=${tiles}`,
    `scale=${tileWidth}:${tileHeight},setsar=1,tile=${columns}x${rows}`,
  ].join(',')
  const pattern = sheets[0]?.replaceAll('%', '%%').replace(/0\.jpg$/, '%d.jpg') ?? ''
  const images = ['-q:v', '4', '-f', 'image2', '-start_number', '0', `file:${pattern}`]
  return ['-skip_frame', 'nokey', ...spriteInputArgs(options), '-vf', filters, ...images]
}

/** Returns the arguments of an input. Only the listed protocols are allowed, whatever the input refers to. */
function inputArgs(protocols: string, format: string, input: string): string[] {
  return ['-protocol_whitelist', protocols, '-f', format, '-i', input]
}

/**
 * Returns the input of the tallest rendition at a position. For a set that is the segment there, because ffmpeg 5.1 fails
 * to seek in a playlist of fMP4.
 */
function posterInputArgs({ plan, set }: ThumbnailOptions, position: number): string[] {
  if (plan.container === 'mp4') {
    return [
      '-ss',
      (position * plan.durationSec).toFixed(3),
      ...inputArgs('file', 'mov', `file:${set.entry}`),
      '-map',
      '0:v:0',
    ]
  }
  const segments = set.files.filter((name) => /^(?:segment|chunk)_0_\d+\./.test(name))
  const segment = segments[Math.floor(position * segments.length)] ?? ''
  const input =
    plan.container === 'hls'
      ? inputArgs('file', 'mpegts', `file:${segment}`)
      : inputArgs('concat,file', 'mov', `concat:init_0.m4s|${segment}`)
  return [...input, '-map', '0:v:0']
}

/** Returns the input of the smallest rendition from its start. */
function spriteInputArgs({ plan, set }: ThumbnailOptions): string[] {
  const index = (plan.video?.renditions.length ?? 1) - 1
  switch (plan.container) {
    case 'mp4':
      return [...inputArgs('file', 'mov', `file:${set.entry}`), '-map', '0:v:0']
    case 'hls':
    case 'cmaf':
      return ['-allowed_extensions', 'ALL', ...inputArgs('file', 'hls', `file:stream_${index}.m3u8`), '-map', '0:v:0']
    case 'dash':
      // The DASH demuxer needs an absolute path.
      return [...inputArgs('file', 'dash', resolve(set.dir, set.entry)), '-map', `0:v:${index}`]
  }
}
