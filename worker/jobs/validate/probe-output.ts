import { setTimeout as delay } from 'node:timers/promises'

import * as v from 'valibot'

import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { type ProgramResult, runProgram } from '../../platform/run-program.ts'
import type { FfmpegInput } from './ffmpeg-input.ts'
import type { ValidationContext } from './validation-context.ts'

/** A number; `null` where ffprobe writes `N/A` or `unknown`. */
const amount = v.nullable(
  v.pipe(
    v.string(),
    v.transform((text) => (text.trim() === '' || Number.isNaN(Number(text)) ? null : Number(text))),
  ),
  null,
)
const word = v.optional(v.string(), '')
/** Frames per second from a fraction; `null` for `0/0`. */
const rate = v.pipe(
  word,
  v.transform((text) => {
    const [num = 0, den = 0] = text.split('/').map(Number)
    return num > 0 && den > 0 ? num / den : null
  }),
)

const OutputStream = v.object({
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
  /** Frames that the header of a single file lists. */
  nb_frames: v.optional(amount, 'N/A'),
  /** Frames that were read, where they were counted. */
  nb_read_packets: v.optional(amount, 'N/A'),
})
/** A stream as ffprobe reports it; unknown values are `null` or empty. */
export type OutputStream = v.InferOutput<typeof OutputStream>

const PacketTiming = v.object({
  stream_index: v.pipe(v.string(), v.transform(Number)),
  pts_time: v.optional(amount, 'N/A'),
  duration_time: v.optional(amount, 'N/A'),
  /** Byte offset in the whole input; `null` for all but the first of frames that share one container packet. */
  pos: v.optional(amount, 'N/A'),
  flags: word,
})
/** An encoded frame, in the order of the file. */
export type PacketTiming = v.InferOutput<typeof PacketTiming>

const Format = v.object({ duration: v.optional(amount, 'N/A') })

/** What ffprobe reports of an output, or of a part of it. */
export type OutputProbe = {
  readonly streams: readonly OutputStream[]
  readonly durationSec: number | null
  /** Empty where packets were not requested. */
  readonly packets: readonly PacketTiming[]
}

export type OutputProbeResult =
  | { readonly kind: 'read'; readonly probe: OutputProbe }
  /** `reason` is one line. */
  | { readonly kind: 'failed'; readonly reason: string }

/** A run writes some 60 bytes for each packet; callers stay below the limit by probing long outputs in several runs. */
const MAX_OUTPUT_BYTES = 128 * 1024 * 1024
const MAX_REASON_CHARS = 200

/** What a probe reads beside the streams and the duration: nothing, the number of packets, or every packet. */
export type ProbeDepth = 'streams' | 'counts' | 'packets'

/**
 * Probes streams and duration with ffprobe, and packets as far as `depth` says. A run that fails is repeated once after a
 * pause.
 * @throws the signal's reason once it aborts
 */
export async function probeOutput(
  input: FfmpegInput,
  context: ValidationContext,
  depth: ProbeDepth,
): Promise<OutputProbeResult> {
  const first = await runFfprobe(input, context, depth)
  if (first.kind === 'read') return first
  await delay(context.retryPauseMs, undefined, { signal: context.signal })
  return runFfprobe(input, context, depth)
}

async function runFfprobe(
  input: FfmpegInput,
  { tools, settings, signal, set }: ValidationContext,
  depth: ProbeDepth,
): Promise<OutputProbeResult> {
  const entries = [
    `format=duration`,
    `stream=${Object.keys(OutputStream.entries).join(',')}`,
    ...(depth === 'packets' ? [`packet=${Object.keys(PacketTiming.entries).join(',')}`] : []),
  ]
  const counting = depth === 'counts' ? ['-count_packets'] : []
  const args = ['-v', 'error', ...counting, '-show_entries', entries.join(':'), '-of', 'compact', ...input.args]
  const result = await runProgram(tools.ffprobePath, args, {
    timeoutMs: settings.timeoutMs,
    signal,
    cwd: set.dir,
    input: [Buffer.from(input.stdin)],
    maxStdoutBytes: MAX_OUTPUT_BYTES,
    limits: PROGRAM_LIMITS.probe,
  })
  signal.throwIfAborted()
  if (result.kind !== 'exited' || result.code !== 0)
    return { kind: 'failed', reason: describeFailure(result, settings.timeoutMs) }
  return { kind: 'read', probe: parseCompactOutput(result.stdout) }
}

/** Describes a failed run of a program in one line that contains no memory address and no path of the worker. */
export function describeFailure(result: ProgramResult, timeoutMs: number): string {
  if (result.kind === 'timed_out') return `took longer than ${timeoutMs / 1000} s`
  if (result.kind === 'missing') return 'could not be started'
  if (result.kind === 'aborted') return 'was aborted'
  const lines = result.stderr
    .split('\n')
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] |(?:file:)?\/\S*\//g, ''))
  const message = lines.find((line) => line.trim() !== '')?.slice(0, MAX_REASON_CHARS) ?? 'without an error message'
  return result.kind === 'killed' ? `was killed by ${result.signal}: ${message}` : `failed: ${message}`
}

/** Parses the `compact` writer's output (ffprobe documentation): one line per section, `name|key=value|…`. */
function parseCompactOutput(text: string): OutputProbe {
  const streams = new Map<number, OutputStream>()
  const packets: PacketTiming[] = []
  let durationSec: number | null = null
  for (const line of text.split('\n')) {
    const fields = line.split('|')
    // A program section precedes the sections of its streams on the same line.
    const section = fields.findLast((field) => /^(?:stream|packet|format)$/.test(field))
    if (section === undefined) continue
    const record = Object.fromEntries(fields.map(toEntry))
    if (section === 'packet') packets.push(v.parse(PacketTiming, record))
    if (section === 'format') ({ duration: durationSec } = v.parse(Format, record))
    if (section === 'stream') {
      const stream = v.parse(OutputStream, record)
      streams.set(stream.index, stream)
    }
  }
  return { streams: [...streams.values()], durationSec, packets }
}

function toEntry(field: string): [string, string] {
  const separator = field.indexOf('=')
  return [field.slice(0, separator), field.slice(separator + 1)]
}
