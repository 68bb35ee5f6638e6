import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runProgram } from '../platform/run-program.ts'

/** A track as ffprobe tells of it: numbers are text, as it writes them. */
type TrackFacts = Readonly<Record<string, string | number>>

export type MediaFacts = {
  readonly video: TrackFacts | undefined
  readonly audio: TrackFacts | undefined
  /** Everything that decoding the whole file had to complain of. */
  readonly complaints: string
}

const ENTRIES = [
  'codec_type,codec_name,codec_tag_string,profile,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'r_frame_rate,avg_frame_rate,start_time,duration,nb_read_frames,channels,sample_rate',
  'color_range,color_space,color_transfer,color_primaries',
].join(',')

/** Decodes a file from end to end, and tells what came out of it. Throws where ffprobe cannot read it at all. */
export async function mediaFacts(path: string): Promise<MediaFacts> {
  const shown = await ffprobe(['-count_frames', '-show_entries', `stream=${ENTRIES}`, '-of', 'json', path])
  const { streams } = JSON.parse(shown.stdout) as { streams: TrackFacts[] }
  const track = (type: string) => streams.find(({ codec_type }) => codec_type === type)
  return { video: track('video'), audio: track('audio'), complaints: shown.stderr }
}

/** The times of a file's key frames, in seconds from its first one. */
export async function keyFrameTimes(path: string): Promise<number[]> {
  const args = ['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', path]
  const { stdout } = await ffprobe(args)
  const times = stdout
    .split('\n')
    .map((line) => line.split(','))
    .flatMap(([time, flags]) => (flags?.startsWith('K') === true ? [Number(time)] : []))
  return times.map((time) => Math.round((time - (times[0] ?? 0)) * 1000) / 1000)
}

/** What a filter finds in each frame of a file: the sum of its figures. */
export async function measured(path: string, filter: string, ...figures: string[]): Promise<number[]> {
  const tags = `frame_tags=${figures.map((figure) => `lavfi.${figure}`).join(',')}`
  const input = filter.startsWith('astats') ? `amovie=${path},${filter}` : `movie=${path},${filter}`
  const { stdout } = await ffprobe(['-f', 'lavfi', '-i', input, '-show_entries', tags, '-of', 'csv=p=0'])
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split(',').reduce((sum, value) => sum + Number(value), 0))
}

/** Files of a folder one behind the other in a new one: an init section and its segments, or TS segments. */
export async function joinFiles(dir: string, names: readonly string[], to: string): Promise<string> {
  await writeFile(to, Buffer.concat(await Promise.all(names.map((name) => readFile(join(dir, name))))))
  return to
}

async function ffprobe(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const run = { timeoutMs: 60_000, signal: new AbortController().signal }
  const result = await runProgram('ffprobe', ['-v', 'error', ...args], run)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(`ffprobe failed: ${JSON.stringify(result)}`)
  return result
}
