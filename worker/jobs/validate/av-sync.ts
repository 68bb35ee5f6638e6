import { fault, type Finding } from './findings.ts'
import type { Media } from './media.ts'
import type { SegmentMedia, Span } from './spans.ts'

/** Between first and last frame of a track, in seconds. */
type Range = { readonly startSec: number; readonly endSec: number }

const ALLOWED_SEC = 0.1

/** Picture and sound begin and end together, within a tenth of a second. */
export function checkSync(picture: Range | null, sound: Range | null, file: string): readonly Finding[] {
  if (picture === null || sound === null) return []
  const ends = [
    { what: 'begins', bySec: sound.startSec - picture.startSec },
    { what: 'ends', bySec: sound.endSec - picture.endSec },
  ]
  return ends
    .filter(({ bySec }) => Math.abs(bySec) > ALLOWED_SEC)
    .map(({ what, bySec }) => {
      const side = bySec > 0 ? 'after' : 'before'
      return fault(
        'AV_SYNC_ERROR',
        file,
        `the sound ${what} ${Math.round(Math.abs(bySec) * 1000)} ms ${side} the picture`,
      )
    })
}

/** When a track of one file begins and ends; `null` where there is none, or ffprobe does not say. */
export function rangeOfStream({ streams }: Media, kind: 'video' | 'audio'): Range | null {
  const stream = streams.find(({ codec_type }) => codec_type === kind)
  if (stream === undefined || stream.start_time === null || stream.duration === null) return null
  return { startSec: stream.start_time, endSec: stream.start_time + stream.duration }
}

/** The same of a track that was read by segments, the first and the last of them at least. */
export function rangeOfSegments(segments: readonly SegmentMedia[], kind: 'picture' | 'sound'): Range | null {
  const spans = segments.flatMap((segment): Span[] => (segment[kind] === null ? [] : [segment[kind]]))
  const [first] = spans
  const last = spans.at(-1)
  return first === undefined || last === undefined ? null : { startSec: first.startSec, endSec: last.endSec }
}
