import { open, stat } from 'node:fs/promises'

import * as v from 'valibot'

import { fromFirstFrame } from './first-frame.ts'
import { lineReader } from './line-reader.ts'
import { INPUT_OPTIONS, inputUrl, sizeProblem } from './media-input.ts'
import type { Probe } from './probed-media.ts'
import { createTally, type Packet, RawMedia } from './raw-media.ts'
import { chosenTracks, isComplete, maySkip, readProbe, withoutGuesses, withoutLengths } from './read-probe.ts'
import { type ProgramResult, runProgram } from './run-program.ts'
import { createSteadyClock } from './steady-clock.ts'

/**
 * `invalid`: the file is to blame, with a reason for its owner. `failed`: it could not be looked at (no ffprobe, time
 * out, aborted), and another try may do better.
 */
export type ProbeResult =
  | { readonly kind: 'ok'; readonly probe: Probe }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

type ProbeOptions = {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** False: lengths are those of the packets, whatever headers say. Default true. */
  readonly trustsHeaders?: boolean
}

/** So many packets at the beginning show whether frames come evenly: some ten seconds of picture and sound. */
const HEAD_PACKETS = 600

const STREAM = [
  'index,codec_type,codec_name,codec_tag_string,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'color_range,color_space,color_transfer,color_primaries,r_frame_rate,avg_frame_rate,start_time,duration,nb_frames',
  'channels,sample_rate',
].join(',')
const ENTRIES = [
  'format=format_name,start_time,duration,size,bit_rate',
  `stream=${STREAM}`,
  'stream_disposition=attached_pic,timed_thumbnails,default',
  'stream_tags=DURATION',
  'stream_side_data=rotation,displaymatrix,dv_profile',
].join(':')
const PACKET = 'packet=stream_index,pts_time,dts_time,duration_time,flags'

/** Of a day of picture at 60 frames a second and of sound. */
const MAX_PACKETS = 10_000_000
/** 10 MB/s. */
const SLOWEST_BYTES_PER_MS = 10_000
const MAX_REASON_CHARS = 300

/**
 * Looks at a local media file with ffprobe: once at its beginning, and over all its packets where it does not say for
 * certain how long its tracks are, or how many frames they hold; of AVI, once more for its first frame. Nothing in the
 * file can make ffprobe open anything else.
 */
export async function probe(ffprobePath: string, path: string, options: ProbeOptions): Promise<ProbeResult> {
  const looked = await look(ffprobePath, path, options)
  if (looked.kind !== 'ok') return looked
  return { kind: 'ok', probe: await fromFirstFrame(ffprobePath, { path, probe: looked.probe }, options) }
}

async function look(ffprobePath: string, path: string, options: ProbeOptions): Promise<ProbeResult> {
  const file = await stat(path).catch(() => null)
  if (file === null) return { kind: 'failed', reason: 'the file to probe is not there' }
  if (file.size === 0) return { kind: 'invalid', reason: 'the file is empty' }

  const head = ['-read_intervals', `%+#${HEAD_PACKETS}`, '-show_entries', `${ENTRIES}:${PACKET}`, '-of', 'json']
  const looked = await runProgram(ffprobePath, args(head, path), options)
  if (looked.kind === 'exited' && looked.code !== 0)
    return { kind: 'invalid', reason: await toReason(path, looked.stderr) }
  if (looked.kind !== 'exited') return toFailure(looked, options.timeoutMs)
  const said = v.parse(RawMedia, JSON.parse(looked.stdout))
  const media = options.trustsHeaders === false ? withoutLengths(said) : withoutGuesses(said)
  const tally = createTally(media.streams)
  for (const packet of media.packets) tally.add(packet)
  const isEnough = isComplete(media) && !maySkip(media, tally)
  if (!isEnough) return scan(ffprobePath, { path, media, sizeBytes: file.size }, options)
  return readProbe(media, tally, file.size)
}

type Looked = { readonly path: string; readonly media: RawMedia; readonly sizeBytes: number }

/** Looks at every packet. A large file takes longer to read. */
async function scan(
  ffprobePath: string,
  { path, media, sizeBytes }: Looked,
  options: ProbeOptions,
): Promise<ProbeResult> {
  const tally = createTally(media.streams)
  const onSteadyClock = createSteadyClock(media.format.format_name, chosenTracks(media))
  const timeoutMs = options.timeoutMs + sizeBytes / SLOWEST_BYTES_PER_MS
  const tooMany = new AbortController()
  let packets = 0
  const readLine = (line: string) => {
    for (const packet of toPacket(line)) tally.add(onSteadyClock(packet))
    packets += 1
    if (packets > MAX_PACKETS) tooMany.abort()
  }
  const scanned = await runProgram(ffprobePath, args(['-show_entries', PACKET, '-of', 'csv=p=0'], path), {
    timeoutMs,
    signal: AbortSignal.any([options.signal, tooMany.signal]),
    onStdout: lineReader(readLine),
  })
  if (tooMany.signal.aborted && isComplete(media)) return readProbe(media, tally, sizeBytes)
  if (tooMany.signal.aborted) return { kind: 'invalid', reason: `the file has more than ${MAX_PACKETS} packets` }
  if (scanned.kind !== 'exited') return toFailure(scanned, timeoutMs)
  return readProbe(media, tally, sizeBytes)
}

function args(what: readonly string[], path: string): string[] {
  return ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...what, '-i', inputUrl(path)]
}

/** A line is `stream_index,pts_time,dts_time,duration_time,flags`; what is not known is `N/A`. */
function toPacket(line: string): Packet[] {
  const [index, pts, dts, duration, flags = ''] = line.split(',')
  if (index === undefined || index === '') return []
  const times = { pts_time: known(pts), dts_time: known(dts), duration_time: known(duration) }
  return [{ stream_index: Number(index), ...times, flags }]
}

function known(text: string | undefined): number | undefined {
  return text === undefined || text === 'N/A' ? undefined : Number(text)
}

function toFailure(result: Exclude<ProgramResult, { kind: 'exited' }>, timeoutMs: number): ProbeResult {
  switch (result.kind) {
    case 'killed':
      return { kind: 'failed', reason: `ffprobe was ended by ${result.signal}` }
    case 'timed_out':
      return { kind: 'failed', reason: `ffprobe took longer than ${Math.round(timeoutMs / 1000)} s` }
    case 'missing':
      return { kind: 'failed', reason: 'ffprobe cannot be started' }
    case 'aborted':
      return { kind: 'failed', reason: 'aborted' }
  }
}

/** What is no media file at all and often given as one, by what its first bytes hold. */
const NO_MEDIA = [
  { pattern: /^#EXTM3U|^ffconcat|<MPD\b/, is: 'a playlist, and not the media that it lists' },
  { pattern: /<(?:!doctype\s+html|html)\b/i, is: 'a web page, and not a media file' },
]
const SNIFFED_BYTES = 1024

/** Why a file cannot be read, for the one who gave it: without paths and addresses. */
async function toReason(path: string, stderr: string): Promise<string> {
  const beginning = await readBeginning(path)
  const found = NO_MEDIA.find(({ pattern }) => pattern.test(beginning))
  if (found !== undefined) return `the file is ${found.is}`
  const [, refused] = /\[(\S+) @ 0x[0-9a-f]+\] Format not on whitelist/.exec(stderr) ?? []
  if (refused !== undefined) return `the file is of a kind that is not taken (${refused})`
  const [, width, height] = /Picture size (\d+)x(\d+) exceeds/.exec(stderr) ?? []
  const tooLarge = sizeProblem(Number(width ?? 0), Number(height ?? 0))
  if (tooLarge !== null) return tooLarge
  if (stderr.includes('moov atom not found')) return 'the file is cut short: its index (moov) is missing'
  const said = stderr
    .split('\n')
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replace(/^file:.*: /, ''))
    .find((line) => line.trim() !== '')
  return `the file cannot be read as media (${said ?? 'ffprobe says nothing'})`.slice(0, MAX_REASON_CHARS)
}

async function readBeginning(path: string): Promise<string> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(SNIFFED_BYTES), position: 0 })
  return buffer.subarray(0, bytesRead).toString('latin1')
}
