import { setTimeout as pause } from 'node:timers/promises'

import * as v from 'valibot'

import { type ProgramResult, runProgram } from '../../platform/run-program.ts'
import type { Environment } from './environment.ts'
import type { Input } from './input.ts'

/** ffprobe writes `N/A` or `unknown` for what it does not know. */
const amount = v.nullable(
  v.pipe(
    v.string(),
    v.transform((text) => (text.trim() === '' || Number.isNaN(Number(text)) ? null : Number(text))),
  ),
  null,
)
const word = v.optional(v.string(), '')
/** Frames per second from a fraction; `0/0` is unknown. */
const rate = v.pipe(
  word,
  v.transform((text) => {
    const [num = 0, den = 0] = text.split('/').map(Number)
    return num > 0 && den > 0 ? num / den : null
  }),
)

const Stream = v.object({
  index: v.pipe(v.string(), v.transform(Number)),
  codec_type: word,
  codec_name: word,
  codec_tag_string: word,
  profile: word,
  level: v.optional(amount, 'N/A'),
  pix_fmt: word,
  width: v.optional(amount, 'N/A'),
  height: v.optional(amount, 'N/A'),
  r_frame_rate: rate,
  avg_frame_rate: rate,
  sample_rate: v.optional(amount, 'N/A'),
  channels: v.optional(amount, 'N/A'),
  start_time: v.optional(amount, 'N/A'),
  duration: v.optional(amount, 'N/A'),
})
/** A track as ffprobe sees it; what it does not know is `null` or empty. */
export type Stream = v.InferOutput<typeof Stream>

const Packet = v.object({
  stream_index: v.pipe(v.string(), v.transform(Number)),
  pts_time: v.optional(amount, 'N/A'),
  duration_time: v.optional(amount, 'N/A'),
  /** In bytes from the input's start; `null` where several lie in one packet of the container. */
  pos: v.optional(amount, 'N/A'),
  flags: word,
})
/** An encoded frame, in the order of the file. */
export type Packet = v.InferOutput<typeof Packet>

const Format = v.object({ duration: v.optional(amount, 'N/A') })

export type Media = {
  readonly streams: readonly Stream[]
  readonly durationSec: number | null
  /** Empty where they were not asked for. */
  readonly packets: readonly Packet[]
}

/** What was read, or one line saying why nothing could be. */
export type MediaReading =
  | { readonly kind: 'read'; readonly media: Media }
  | { readonly kind: 'failed'; readonly reason: string }

/** With packets, one run writes some 60 bytes for each: the readers keep below it by reading in parts. */
const MAX_OUTPUT_BYTES = 128 * 1024 * 1024

/**
 * Reads tracks and length of media with ffprobe, and every packet where `packets` is set. A run that fails is tried once
 * more after a pause. Throws where the signal aborts.
 */
export async function readMedia(input: Input, environment: Environment, packets: boolean): Promise<MediaReading> {
  const first = await probe(input, environment, packets)
  if (first.kind === 'read') return first
  await pause(environment.retryPauseMs, undefined, { signal: environment.signal })
  return probe(input, environment, packets)
}

async function probe(input: Input, environment: Environment, packets: boolean): Promise<MediaReading> {
  const { tools, settings, signal, set } = environment
  const entries = [
    `format=duration`,
    `stream=${Object.keys(Stream.entries).join(',')}`,
    ...(packets ? [`packet=${Object.keys(Packet.entries).join(',')}`] : []),
  ]
  const args = ['-v', 'error', '-show_entries', entries.join(':'), '-of', 'compact', ...input.args]
  const result = await runProgram(tools.ffprobePath, args, {
    timeoutMs: settings.timeoutMs,
    signal,
    cwd: set.dir,
    input: [Buffer.from(input.stdin)],
    maxStdoutBytes: MAX_OUTPUT_BYTES,
  })
  signal.throwIfAborted()
  if (result.kind !== 'exited' || result.code !== 0)
    return { kind: 'failed', reason: reasonOf(result, settings.timeoutMs) }
  return { kind: 'read', media: toMedia(result.stdout) }
}

/** Why a program's run came to nothing, in one line. */
export function reasonOf(result: ProgramResult, timeoutMs: number): string {
  if (result.kind === 'timed_out') return `took longer than ${timeoutMs / 1000} s`
  if (result.kind === 'missing') return 'could not be started'
  if (result.kind === 'aborted') return 'was stopped'
  // Whoever reads it knows neither the program's memory nor the worker's folders.
  const lines = result.stderr
    .split('\n')
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] |(?:file:)?\/\S*\//g, ''))
  const said = lines.find((line) => line.trim() !== '')?.slice(0, 200) ?? 'without a word'
  return result.kind === 'killed' ? `was killed by ${result.signal}: ${said}` : `failed: ${said}`
}

/** ffmpeg's documentation, ffprobe, `compact`: a line for each section, `name|key=value|…`. */
function toMedia(text: string): Media {
  const streams = new Map<number, Stream>()
  const packets: Packet[] = []
  let durationSec: number | null = null
  for (const line of text.split('\n')) {
    const fields = line.split('|')
    // A section of programs comes first where there are any, and holds the streams too.
    const section = fields.findLast((field) => /^(?:stream|packet|format)$/.test(field))
    if (section === undefined) continue
    const record = Object.fromEntries(fields.map(toEntry))
    if (section === 'packet') packets.push(v.parse(Packet, record))
    if (section === 'format') ({ duration: durationSec } = v.parse(Format, record))
    if (section === 'stream') {
      const stream = v.parse(Stream, record)
      streams.set(stream.index, stream)
    }
  }
  return { streams: [...streams.values()], durationSec, packets }
}

function toEntry(field: string): [string, string] {
  const at = field.indexOf('=')
  return [field.slice(0, at), field.slice(at + 1)]
}
