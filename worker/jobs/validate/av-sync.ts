import { errorFinding, type Finding } from './findings.ts'
import type { OutputProbe } from './probe-output.ts'
import type { SegmentSpan, SegmentTiming } from './segment-timing.ts'

/** From the first to the end of the last frame of a track, in seconds. */
type TrackRange = { readonly startSec: number; readonly endSec: number }

const SYNC_TOLERANCE_SEC = 0.1

/** Checks that video and audio begin and end within 0.1 s of each other. */
export function checkSync(video: TrackRange | null, audio: TrackRange | null, file: string): readonly Finding[] {
  if (video === null || audio === null) return []
  const differences = [
    { verb: 'begins', sec: audio.startSec - video.startSec },
    { verb: 'ends', sec: audio.endSec - video.endSec },
  ]
  return differences
    .filter(({ sec }) => Math.abs(sec) > SYNC_TOLERANCE_SEC)
    .map(({ verb, sec }) => {
      const side = sec > 0 ? 'after' : 'before'
      const message = `the audio ${verb} ${Math.round(Math.abs(sec) * 1000)} ms ${side} the video`
      return errorFinding('AV_SYNC_ERROR', file, message)
    })
}

/** Returns the range of a stream of a single file; `null` where the stream is missing or its times are unknown. */
export function streamRange({ streams }: OutputProbe, kind: 'video' | 'audio'): TrackRange | null {
  const stream = streams.find(({ codec_type }) => codec_type === kind)
  if (stream === undefined || stream.start_time === null || stream.duration === null) return null
  return { startSec: stream.start_time, endSec: stream.start_time + stream.duration }
}

/** Returns the range of a track of a set; its first and last segments must be among the probed ones. */
export function segmentsRange(segments: readonly SegmentTiming[], kind: 'video' | 'audio'): TrackRange | null {
  const spans = segments.flatMap((segment): SegmentSpan[] => (segment[kind] === null ? [] : [segment[kind]]))
  const [first] = spans
  const last = spans.at(-1)
  return first === undefined || last === undefined ? null : { startSec: first.startSec, endSec: last.endSec }
}
