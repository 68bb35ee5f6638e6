/**
 * Timing of segments, from one ffprobe run over concatenated files. Each packet belongs to the file that contains its
 * byte position; the packets of a file are summed up to one span for video and one for audio.
 */
import type { OutputStream, PacketTiming } from './probe-output.ts'

/** One track of one segment; times are presentation times in seconds. */
export type SegmentSpan = {
  readonly startSec: number
  readonly endSec: number
  readonly frames: number
  /** The first frame is a keyframe and is presented first, so that no frame refers to the previous segment. */
  readonly startsWithKeyframe: boolean
}

/** A probed segment. */
export type SegmentTiming = {
  /** Index in the segment list. */
  readonly position: number
  readonly name: string
  readonly declaredSec: number
  /** `null` where the segment has no packet of the track. */
  readonly video: SegmentSpan | null
  readonly audio: SegmentSpan | null
}

/** A file of the concatenated input; `position` is `null` for the initialization segment. */
export type ConcatenatedFile = {
  readonly position: number | null
  readonly name: string
  readonly bytes: number
  readonly declaredSec: number
}

/** Returns the timing of each segment among the files. */
export function toSegmentTimings(
  files: readonly ConcatenatedFile[],
  streams: readonly OutputStream[],
  packets: readonly PacketTiming[],
): readonly SegmentTiming[] {
  const spansOf = (kind: 'video' | 'audio') => {
    const stream = streams.find(({ codec_type }) => codec_type === kind)
    return stream === undefined ? [] : toSpans(files, stream, packets)
  }
  const videoSpans = spansOf('video')
  const audioSpans = spansOf('audio')
  return files.flatMap(({ position, name, declaredSec }, i) =>
    position === null
      ? []
      : [{ position, name, declaredSec, video: videoSpans[i] ?? null, audio: audioSpans[i] ?? null }],
  )
}

function toSpans(
  files: readonly ConcatenatedFile[],
  stream: OutputStream,
  packets: readonly PacketTiming[],
): readonly (SegmentSpan | null)[] {
  const ends = cumulativeBytes(files)
  const spans: (SegmentSpan | null)[] = files.map(() => null)
  let file = 0
  for (const packet of packets) {
    if (packet.stream_index !== stream.index) continue
    // Of frames that share a container packet, only the first has its position.
    if (packet.pos !== null) file = findFileAt(ends, packet.pos, file)
    spans[file] = extendSpan(spans[file] ?? null, packet, frameDurationSec(stream, packet))
  }
  return spans
}

function cumulativeBytes(files: readonly ConcatenatedFile[]): readonly number[] {
  let end = 0
  return files.map(({ bytes }) => (end += bytes))
}

/** Returns the index of the file at a byte position. The search starts at the previous packet's file, usually the same. */
function findFileAt(ends: readonly number[], bytePosition: number, previous: number): number {
  let file = previous
  while (file > 0 && bytePosition < (ends[file - 1] ?? 0)) file -= 1
  while (file < ends.length - 1 && bytePosition >= (ends[file] ?? 0)) file += 1
  return file
}

function extendSpan(span: SegmentSpan | null, packet: PacketTiming, durationSec: number): SegmentSpan | null {
  const startSec = packet.pts_time
  if (startSec === null) return span
  const endSec = startSec + durationSec
  if (span === null) return { startSec, endSec, frames: 1, startsWithKeyframe: packet.flags.startsWith('K') }
  return {
    startSec: Math.min(span.startSec, startSec),
    endSec: Math.max(span.endSec, endSec),
    frames: span.frames + 1,
    startsWithKeyframe: span.startsWithKeyframe && startSec > span.startSec,
  }
}

/** Samples of a frame of AAC-LC (ISO/IEC 14496-3 §4.5.1.1). */
export const AAC_FRAME_SAMPLES = 1024

function frameDurationSec({ sample_rate, r_frame_rate }: OutputStream, { duration_time }: PacketTiming): number {
  if (duration_time !== null) return duration_time
  if (sample_rate !== null) return AAC_FRAME_SAMPLES / sample_rate
  return r_frame_rate === null ? 0 : 1 / r_frame_rate
}
