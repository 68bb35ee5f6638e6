import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { runProgram } from '../platform/run-program.ts'

/** A stream as ffprobe reports it: most numbers are text. */
type StreamFacts = Readonly<Record<string, string | number>>

/** Streams of a fully decoded file. */
export type MediaFacts = {
  readonly video: StreamFacts | undefined
  readonly audio: StreamFacts | undefined
  /** Everything that ffprobe wrote to stderr while it decoded the whole file. */
  readonly errors: string
}

const ENTRIES = [
  'codec_type,codec_name,codec_tag_string,profile,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'r_frame_rate,avg_frame_rate,start_time,duration,nb_read_frames,channels,sample_rate',
  'color_range,color_space,color_transfer,color_primaries',
].join(',')

/**
 * Decodes a whole file and returns the facts about its streams.
 * @throws where ffprobe cannot read it
 */
export async function inspectMedia(path: string): Promise<MediaFacts> {
  const result = await ffprobe(['-count_frames', '-show_entries', `stream=${ENTRIES}`, '-of', 'json', path])
  const { streams } = JSON.parse(result.stdout) as { streams: StreamFacts[] }
  const stream = (type: string) => streams.find(({ codec_type }) => codec_type === type)
  return { video: stream('video'), audio: stream('audio'), errors: result.stderr }
}

/** Returns the times of a file's keyframes, in seconds after the first one. */
export async function readKeyframeTimes(path: string): Promise<number[]> {
  const args = ['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', path]
  const { stdout } = await ffprobe(args)
  const times = stdout
    .split('\n')
    .map((line) => line.split(','))
    .flatMap(([time, flags]) => (flags?.startsWith('K') === true ? [Number(time)] : []))
  return times.map((time) => Math.round((time - (times[0] ?? 0)) * 1000) / 1000)
}

/** Measures each frame of a file with a filter. Returns the sum of the named metadata per frame. */
export async function measureFrames(path: string, filter: string, ...figures: string[]): Promise<number[]> {
  const tags = `frame_tags=${figures.map((figure) => `lavfi.${figure}`).join(',')}`
  const input = filter.startsWith('astats') ? `amovie=${path},${filter}` : `movie=${path},${filter}`
  const { stdout } = await ffprobe(['-f', 'lavfi', '-i', input, '-show_entries', tags, '-of', 'csv=p=0'])
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split(',').reduce((sum, value) => sum + Number(value), 0))
}

/** Concatenates files of a folder to a new file: an initialization segment and its segments, or TS segments. */
export async function concatenateFiles(dir: string, names: readonly string[], to: string): Promise<string> {
  await writeFile(to, Buffer.concat(await Promise.all(names.map((name) => readFile(join(dir, name))))))
  return to
}

async function ffprobe(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const run = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal }
  const result = await runProgram('ffprobe', ['-v', 'error', ...args], run)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(`ffprobe failed: ${JSON.stringify(result)}`)
  return result
}
