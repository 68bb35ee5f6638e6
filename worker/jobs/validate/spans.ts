import type { Packet, Stream } from './media.ts'

/** What one segment holds of one track; times are presentation times in seconds. */
export type Span = {
  readonly startSec: number
  readonly endSec: number
  readonly frames: number
  /** Its first frame can be decoded by itself, and is shown first too: nothing refers to the segment before. */
  readonly startsWithKey: boolean
}

/** A segment as it was read. */
export type SegmentMedia = {
  /** Its place in the list. */
  readonly at: number
  readonly name: string
  readonly saidSec: number
  readonly picture: Span | null
  readonly sound: Span | null
}

/** Files that were read one after the other: `at` is `null` for the init segment. */
export type Part = {
  readonly at: number | null
  readonly name: string
  readonly bytes: number
  readonly saidSec: number
}

/** Sorts packets by the file in which they lie, and sums up what each segment holds. */
export function toSegmentMedia(
  parts: readonly Part[],
  streams: readonly Stream[],
  packets: readonly Packet[],
): readonly SegmentMedia[] {
  const spansOf = (kind: 'video' | 'audio') => {
    const stream = streams.find(({ codec_type }) => codec_type === kind)
    return stream === undefined ? [] : toSpans(parts, stream, packets)
  }
  const pictures = spansOf('video')
  const sounds = spansOf('audio')
  return parts.flatMap(({ at, name, saidSec }, i) =>
    at === null ? [] : [{ at, name, saidSec, picture: pictures[i] ?? null, sound: sounds[i] ?? null }],
  )
}

function toSpans(parts: readonly Part[], stream: Stream, packets: readonly Packet[]): readonly (Span | null)[] {
  const ends = endsOf(parts)
  const spans: (Span | null)[] = parts.map(() => null)
  let part = 0
  for (const packet of packets) {
    if (packet.stream_index !== stream.index) continue
    // Frames that share a packet of the container have its position, which only the first of them tells.
    if (packet.pos !== null) part = partAt(ends, packet.pos, part)
    spans[part] = extended(spans[part] ?? null, packet, frameSec(stream, packet))
  }
  return spans
}

function endsOf(parts: readonly Part[]): readonly number[] {
  let end = 0
  return parts.map(({ bytes }) => (end += bytes))
}

/** Which part holds a position; packets come nearly in order, so that it is the last one's or close by. */
function partAt(ends: readonly number[], position: number, near: number): number {
  let part = near
  while (part > 0 && position < (ends[part - 1] ?? 0)) part -= 1
  while (part < ends.length - 1 && position >= (ends[part] ?? 0)) part += 1
  return part
}

function extended(span: Span | null, packet: Packet, durationSec: number): Span | null {
  const startSec = packet.pts_time
  if (startSec === null) return span
  const endSec = startSec + durationSec
  if (span === null) return { startSec, endSec, frames: 1, startsWithKey: packet.flags.startsWith('K') }
  return {
    startSec: Math.min(span.startSec, startSec),
    endSec: Math.max(span.endSec, endSec),
    frames: span.frames + 1,
    startsWithKey: span.startsWithKey && startSec > span.startSec,
  }
}

const AAC_FRAME_SAMPLES = 1024

function frameSec({ sample_rate, r_frame_rate }: Stream, { duration_time }: Packet): number {
  if (duration_time !== null) return duration_time
  if (sample_rate !== null) return AAC_FRAME_SAMPLES / sample_rate
  return r_frame_rate === null ? 0 : 1 / r_frame_rate
}
