import { rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { runProgram } from '../../platform/run-program.ts'
import type { OutputPlan, OutputSet } from '../output-plan.ts'
import { layOutSprite, type SpriteLayout, writeSpriteTrack } from './sprite.ts'

/** `made`: the names of the new files in the set's folder, none where there is no picture. */
export type MadeThumbnails =
  | { readonly kind: 'made'; readonly files: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string }

export type ThumbnailOptions = {
  readonly ffmpegPath: string
  readonly plan: OutputPlan
  /** The finished output: its picture is upright, progressive and SDR, and begins where the clip does. */
  readonly set: OutputSet
  readonly signal: AbortSignal
  /** For all of it. */
  readonly timeoutMs: number
}

type Names = { readonly poster: string; readonly sheets: readonly string[]; readonly track: string }

/** Where the poster is looked for, in parts of the length, until a picture is not black. */
const POSTER_PLACES = [0.1, 0.3, 0.5, 0.7, 0]
/** Mean luma, of 16 to 235, below which a picture counts as black. */
const BLACK_LUMA = 28
/** The most typical of so many frames becomes the poster; they are held in memory. */
const POSTER_FRAMES = 24
const POSTER_WIDTH = 1280

/**
 * Makes `poster.jpg`, `sprite_N.jpg` and `thumbnails.vtt` in the set's folder; beside a single file they carry its
 * name: `clip.mp4` gets `clip.poster.jpg`. All trouble is a value, and leaves none of them.
 */
export async function makeThumbnails(options: ThumbnailOptions): Promise<MadeThumbnails> {
  const { plan, set } = options
  const layout = layOutSprite(plan)
  if (layout === null) return { kind: 'made', files: [] }
  const names = namesOf(plan, set, layout.sheets)
  const files = [names.poster, ...names.sheets, names.track]
  try {
    const run = createRun(options)
    await makePoster(run, options, names.poster)
    await run(sheetArgs(options, layout, names))
    await writeFile(join(set.dir, names.track), writeSpriteTrack(layout, plan.durationSec, names.sheets))
    await Promise.all(files.map((name) => stat(join(set.dir, name))))
    return { kind: 'made', files }
  } catch (error) {
    await Promise.all(files.map((name) => rm(join(set.dir, name), { force: true })))
    return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

function namesOf({ container }: OutputPlan, { entry }: OutputSet, sheets: number): Names {
  const prefix = container === 'mp4' ? `${entry.replace(/\.[^.]*$/, '')}.` : ''
  return {
    poster: `${prefix}poster.jpg`,
    sheets: Array.from({ length: sheets }, (_, n) => `${prefix}sprite_${n}.jpg`),
    track: `${prefix}thumbnails.vtt`,
  }
}

/** Runs ffmpeg in the time that is left, and gives what it wrote to stdout. Throws where it fails. */
type Run = (args: readonly string[]) => Promise<string>

function createRun({ ffmpegPath, set, signal, timeoutMs }: ThumbnailOptions): Run {
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

/** The file stays that was written last: of a film that is black all through, a black one. */
async function makePoster(run: Run, options: ThumbnailOptions, name: string): Promise<void> {
  const filters = [
    `scale=w='min(${POSTER_WIDTH},iw)':h=-2,format=yuv420p,thumbnail=${POSTER_FRAMES}`,
    'signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-',
  ].join(',')
  for (const place of POSTER_PLACES) {
    const image = ['-vf', filters, '-frames:v', '1', '-q:v', '3', '-f', 'image2', '-update', '1', `file:${name}`]
    const stdout = await run([...placeArgs(options, place), ...image])
    const luma = Number(/YAVG=([\d.]+)/.exec(stdout)?.[1] ?? 0)
    if (luma >= BLACK_LUMA) return
  }
}

/**
 * One pass over the key frames of the smallest size. Of each interval the key frame nearest to its middle counts; the
 * last one stands in for those that the end of the film is short of.
 */
function sheetArgs(options: ThumbnailOptions, layout: SpriteLayout, { sheets }: Names): string[] {
  const { intervalSec, tiles, tileWidth, tileHeight, columns, rows } = layout
  const filters = [
    `fps=1/${intervalSec}:start_time=0:eof_action=pass,tpad=stop=-1:stop_mode=clone,trim=end_frame=${tiles}`,
    `scale=${tileWidth}:${tileHeight},setsar=1,tile=${columns}x${rows}`,
  ].join(',')
  const pattern = sheets[0]?.replaceAll('%', '%%').replace(/0\.jpg$/, '%d.jpg') ?? ''
  const images = ['-q:v', '4', '-f', 'image2', '-start_number', '0', `file:${pattern}`]
  return ['-skip_frame', 'nokey', ...wholeArgs(options), '-vf', filters, ...images]
}

/** All protocols that an input may use; nothing in the output can make ffmpeg open anything else. */
function opened(protocols: string, format: string, input: string): string[] {
  return ['-protocol_whitelist', protocols, '-f', format, '-i', input]
}

/**
 * Opens the tallest picture at a place: of a set, at the segment there, for ffmpeg 5.1 loses its way when it seeks in
 * a playlist of fMP4.
 */
function placeArgs({ plan, set }: ThumbnailOptions, place: number): string[] {
  if (plan.container === 'mp4') {
    return [
      '-ss',
      (place * plan.durationSec).toFixed(3),
      ...opened('file', 'mov', `file:${set.entry}`),
      '-map',
      '0:v:0',
    ]
  }
  const segments = set.files.filter((name) => /^(?:segment|chunk)_0_\d+\./.test(name))
  const segment = segments[Math.floor(place * segments.length)] ?? ''
  const input =
    plan.container === 'hls'
      ? opened('file', 'mpegts', `file:${segment}`)
      : opened('concat,file', 'mov', `concat:init_0.m4s|${segment}`)
  return [...input, '-map', '0:v:0']
}

/** Opens the smallest picture from its beginning. */
function wholeArgs({ plan, set }: ThumbnailOptions): string[] {
  const index = (plan.video?.renditions.length ?? 1) - 1
  switch (plan.container) {
    case 'mp4':
      return [...opened('file', 'mov', `file:${set.entry}`), '-map', '0:v:0']
    case 'hls':
    case 'cmaf':
      return ['-allowed_extensions', 'ALL', ...opened('file', 'hls', `file:stream_${index}.m3u8`), '-map', '0:v:0']
    case 'dash':
      // Its demuxer finds segments by an absolute path only.
      return [...opened('file', 'dash', resolve(set.dir, set.entry)), '-map', `0:v:${index}`]
  }
}
