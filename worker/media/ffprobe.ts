import { open, stat } from 'node:fs/promises'

import * as v from 'valibot'

import { createLineReader } from '../platform/line-reader.ts'
import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { type ProgramResult, runProgram } from '../platform/run-program.ts'
import { FfprobeDisposition, FfprobeOutput, type FfprobePacket, type InspectedFile } from './ffprobe-output.ts'
import { correctVideoStart } from './first-frame.ts'
import { inspectPicture } from './inspect-picture.ts'
import { HEAD_PACKETS, inspectTracks } from './inspect-tracks.ts'
import { findSizeProblem, INPUT_OPTIONS, LATE_TRACK_OPTIONS, toInputUrl } from './media-input.ts'
import { breaksOff } from './end-mismatch.ts'
import { createPacketTally } from './packet-tally.ts'
import type { MediaProbeResult } from './probed-media.ts'
import { correctChannels } from './sound-layout.ts'
import {
  hasCompleteHeaders,
  listMainTracks,
  type PacketReading,
  readProbedMedia,
  withoutGuessedDurations,
} from './read-probed-media.ts'
import { createSteadyClock } from './steady-clock.ts'

type ProbeOptions = {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Decodes tracks and frames about which the headers are in doubt; default `ffmpeg`. */
  readonly ffmpegPath?: string
}

const STREAM = [
  'index,codec_type,codec_name,codec_tag_string,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'color_range,color_space,color_transfer,color_primaries,r_frame_rate,avg_frame_rate,start_time,duration,nb_frames',
  'channels,sample_rate,sample_fmt',
].join(',')
const ENTRIES = [
  'format=format_name,start_time,duration,size,bit_rate',
  `stream=${STREAM}`,
  'program=program_num:program_stream=index',
  `stream_disposition=${Object.keys(FfprobeDisposition.entries).join(',')}`,
  'stream_tags=DURATION,language,title,name,handler_name',
  'stream_side_data=rotation,displaymatrix,dv_profile,bl_present_flag',
].join(':')
const PACKET = 'packet=stream_index,pts_time,dts_time,duration_time,flags'
const HEAD = ['-read_intervals', `%+#${HEAD_PACKETS}`, '-show_entries', `${ENTRIES}:${PACKET}`, '-of', 'json']

/** Packets of a day of picture at 60 frames a second, with sound. */
const MAX_PACKETS = 10_000_000
/** The slowest expected read rate: 10 MB/s. */
const MIN_BYTES_PER_MS = 10_000
const MAX_REASON_CHARS = 300

/**
 * Probes a local media file with ffprobe: its headers and all its packets, since headers may be wrong, and of AVI the first
 * frame. Nothing in the file can make ffprobe open another file.
 */
export async function probeMedia(ffprobePath: string, path: string, options: ProbeOptions): Promise<MediaProbeResult> {
  const result = await probePackets(ffprobePath, path, options)
  if (result.kind !== 'ok') return result
  const probe = await correctVideoStart(ffprobePath, { path, probe: result.probe }, options)
  return { kind: 'ok', probe: await correctChannels(ffprobePath, { path, probe }, options) }
}

async function probePackets(ffprobePath: string, path: string, options: ProbeOptions): Promise<MediaProbeResult> {
  const file = await stat(path).catch(() => null)
  if (file === null) return { kind: 'failed', reason: 'the file to probe does not exist' }
  if (file.size === 0) return { kind: 'invalid', reason: 'the file is empty' }

  const { result, output } = await probeHead(ffprobePath, path, options)
  if (result.kind !== 'exited') return toFailure(result, options.timeoutMs)
  if (output === null) return { kind: 'invalid', reason: await describeUnreadableFile(path, result.stderr) }
  const media = withoutGuessedDurations(await inspectContent(ffprobePath, { path, media: output }, options))
  const tally = createTally(media)
  for (const packet of media.packets) tally.add(packet)
  const reading: PacketReading = { head: tally, whole: tally, breaksOff: breaksOff(result.stderr) }
  return media.packets.length >= HEAD_PACKETS
    ? probeAllPackets(ffprobePath, { path, media, reading, sizeBytes: file.size }, options)
    : readProbedMedia(media, reading, file.size)
}

/** How a run of ffprobe ended, and what it has read; `null` where it has failed. */
type HeadProbe = { readonly result: ProgramResult; readonly output: FfprobeOutput | null }

/** Reads the headers and the first packets. Where sound begins late, more of the file is read to find out what it is. */
async function probeHead(ffprobePath: string, path: string, options: ProbeOptions): Promise<HeadProbe> {
  const { timeoutMs, signal } = options
  async function run(inputOptions: readonly string[]): Promise<HeadProbe> {
    const limits = PROGRAM_LIMITS.probe
    const result = await runProgram(ffprobePath, buildArgs(HEAD, path, inputOptions), { timeoutMs, signal, limits })
    const hasSucceeded = result.kind === 'exited' && result.code === 0
    return { result, output: hasSucceeded ? v.parse(FfprobeOutput, JSON.parse(result.stdout)) : null }
  }
  const first = await run(INPUT_OPTIONS)
  return first.output !== null && hasUnknownSound(first.output) ? run(LATE_TRACK_OPTIONS) : first
}

/** Returns whether a file announces sound of which ffprobe has seen nothing so far, and has no other sound. */
function hasUnknownSound({ streams }: FfprobeOutput): boolean {
  const sound = streams.filter(({ codec_type }) => codec_type === 'audio')
  return sound.length > 0 && sound.every(({ channels }) => channels === 0)
}

/** Decodes what the choice of tracks and the encoding of the picture depend on. */
async function inspectContent(
  ffprobePath: string,
  file: { readonly path: string; readonly media: InspectedFile },
  { ffmpegPath = 'ffmpeg', timeoutMs, signal }: ProbeOptions,
): Promise<InspectedFile> {
  const media = await inspectTracks(ffmpegPath, file, { timeoutMs, signal })
  return inspectPicture({ ffprobePath, ffmpegPath }, { ...file, media }, { timeoutMs, signal })
}

function createTally(media: InspectedFile) {
  return createPacketTally(media.streams, createSteadyClock(media.format.format_name, listMainTracks(media)))
}

type ProbedHead = {
  readonly path: string
  readonly media: InspectedFile
  /** That of the first packets. */
  readonly reading: PacketReading
  readonly sizeBytes: number
}

/** Reads every packet. The timeout grows with the size of the file. */
async function probeAllPackets(
  ffprobePath: string,
  { path, media, reading, sizeBytes }: ProbedHead,
  options: ProbeOptions,
): Promise<MediaProbeResult> {
  const whole = createTally(media)
  const timeoutMs = options.timeoutMs + sizeBytes / MIN_BYTES_PER_MS
  const tooMany = new AbortController()
  let packets = 0
  const readLine = (line: string) => {
    for (const packet of parsePacket(line)) whole.add(packet)
    packets += 1
    if (packets > MAX_PACKETS) tooMany.abort()
  }
  const result = await runProgram(ffprobePath, buildArgs(['-show_entries', PACKET, '-of', 'csv=p=0'], path), {
    timeoutMs,
    limits: PROGRAM_LIMITS.probe,
    signal: AbortSignal.any([options.signal, tooMany.signal]),
    onStdout: createLineReader(readLine),
  })
  if (tooMany.signal.aborted && hasCompleteHeaders(media))
    return readProbedMedia(media, { ...reading, whole: null }, sizeBytes)
  if (tooMany.signal.aborted) return { kind: 'invalid', reason: `the file has more than ${MAX_PACKETS} packets` }
  if (result.kind !== 'exited') return toFailure(result, timeoutMs)
  const isCut = result.kind === 'exited' && breaksOff(result.stderr)
  return readProbedMedia(media, { head: reading.head, whole, breaksOff: isCut }, sizeBytes)
}

function buildArgs(entries: readonly string[], path: string, inputOptions = INPUT_OPTIONS): string[] {
  return ['-hide_banner', '-v', 'error', ...inputOptions, ...entries, '-i', toInputUrl(path)]
}

/** Parses `stream_index,pts_time,dts_time,duration_time,flags`, in which `N/A` is unknown. Other lines hold no packet. */
function parsePacket(line: string): FfprobePacket[] {
  const [index, pts, dts, duration, flags = ''] = line.split(',')
  if (index === undefined || index === '') return []
  const times = { pts_time: parseSec(pts), dts_time: parseSec(dts), duration_time: parseSec(duration) }
  return [{ stream_index: Number(index), ...times, flags }]
}

function parseSec(text: string | undefined): number | undefined {
  return text === undefined || text === 'N/A' ? undefined : Number(text)
}

function toFailure(result: Exclude<ProgramResult, { kind: 'exited' }>, timeoutMs: number): MediaProbeResult {
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

/** Files that are often submitted instead of media, by their first bytes. */
const NOT_MEDIA = [
  { pattern: /^#EXTM3U|^ffconcat|<MPD\b/, is: 'a playlist, and not the media that it lists' },
  { pattern: /<(?:!doctype\s+html|html)\b/i, is: 'a web page, and not a media file' },
]
const SNIFFED_BYTES = 1024

/** Describes to a file's owner why it cannot be read, without local paths and memory addresses. */
async function describeUnreadableFile(path: string, stderr: string): Promise<string> {
  const beginning = await readBeginning(path)
  const known = NOT_MEDIA.find(({ pattern }) => pattern.test(beginning))
  if (known !== undefined) return `the file is ${known.is}`
  const [, format] = /\[(\S+) @ 0x[0-9a-f]+\] Format not on whitelist/.exec(stderr) ?? []
  if (format !== undefined) return `the file has a format that is not accepted (${format})`
  const [, width, height] = /Picture size (\d+)x(\d+) exceeds/.exec(stderr) ?? []
  const sizeProblem = findSizeProblem(Number(width ?? 0), Number(height ?? 0))
  if (sizeProblem !== null) return sizeProblem
  if (stderr.includes('moov atom not found')) return 'the file is cut short: its index (moov) is missing'
  const error = stderr
    .split('\n')
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replace(/^file:.*: /, ''))
    .find((line) => line.trim() !== '')
  return `the file cannot be read as media (${error ?? 'ffprobe reports no reason'})`.slice(0, MAX_REASON_CHARS)
}

async function readBeginning(path: string): Promise<string> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(SNIFFED_BYTES), position: 0 })
  return buffer.subarray(0, bytesRead).toString('latin1')
}
