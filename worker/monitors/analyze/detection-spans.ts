import type { TrackKind } from '../stream.ts'
import type { DecoderOutput, DetectionMark, TrackOutput } from './decoder-output.ts'
import type { Detector } from './detectors/detector.ts'
import type { DetectionSpan, TrackFindings } from './findings.ts'
import { measureTrack, MIN_MISSING_SEC, type TrackExtent, type TrackExtents } from './track-extents.ts'

/** A shorter span within a segment is a flicker; at the segment's border it may be part of a longer one. */
const MIN_INNER_SPAN_SEC = 0.1

/**
 * Uncertainty of a decoder right after a cut. The first frames of sound overlap and may hold noise in silence or
 * silence in sound; a picture has none.
 */
const CUT_SLACK_SEC = { picture: 0, sound: 0.05 } as const

/** A decoded segment and where it lies on the clock of each track. */
export type MeasuredSegment = {
  readonly output: DecoderOutput
  readonly extents: TrackExtents
  readonly durationSec: number
}

/** Returns the spans of a track's detectors, in seconds from the segment's start and within its duration. */
export function findTrackSpans(
  kind: TrackKind,
  detectors: readonly Detector[],
  { output, extents, durationSec }: MeasuredSegment,
): TrackFindings {
  const track = output[kind]
  const trackExtent = measureTrack(track)
  if (trackExtent === null) return { kind: 'absent' }
  const segmentExtent = extents[kind]
  const missing = findMissingSpans(trackExtent, segmentExtent)
  const slackSec = CUT_SLACK_SEC[kind]
  const spans = detectors
    .filter((detector) => detector.track === kind)
    .map(({ name }) => {
      const marked = pairMarks(track, track.marks[name] ?? [], slackSec)
      const placed = placeInSegment(mergeSpans([...marked, ...missing]), segmentExtent, durationSec)
      return [name, placed.filter((span) => isLongEnough(span, durationSec, slackSec))]
    })
  return { kind: 'present', spans: Object.fromEntries(spans) }
}

/** Returns where the segment lacks the track, before its start or after its end. */
function findMissingSpans(track: TrackExtent, segment: TrackExtent): DetectionSpan[] {
  const before = { fromSec: -Infinity, toSec: track.fromSec }
  const after = { fromSec: track.toSec, toSec: Infinity }
  return [
    track.fromSec - segment.fromSec > MIN_MISSING_SEC ? [before] : [],
    segment.toSec - track.toSec > MIN_MISSING_SEC ? [after] : [],
  ].flat()
}

/** Pairs marks to spans. A span that begins at the first frame, or that no mark ends, extends to infinity there. */
function pairMarks(track: TrackOutput, marks: readonly DetectionMark[], slackSec: number): DetectionSpan[] {
  const firstSec = Math.min(...track.frames)
  const spans: DetectionSpan[] = []
  let fromSec: number | null = null
  for (const mark of marks.toSorted((a, b) => a.sec - b.sec || Number(a.isStart) - Number(b.isStart))) {
    if (mark.isStart) fromSec ??= mark.sec <= firstSec + slackSec ? -Infinity : mark.sec
    else if (fromSec !== null) {
      spans.push({ fromSec, toSec: mark.sec })
      fromSec = null
    }
  }
  return fromSec === null ? spans : [...spans, { fromSec, toSec: Infinity }]
}

function mergeSpans(spans: readonly DetectionSpan[]): DetectionSpan[] {
  const merged: DetectionSpan[] = []
  for (const span of spans.toSorted((a, b) => a.fromSec - b.fromSec)) {
    const last = merged.at(-1)
    if (last === undefined || span.fromSec > last.toSec) merged.push(span)
    else merged[merged.length - 1] = { fromSec: last.fromSec, toSec: Math.max(last.toSec, span.toSec) }
  }
  return merged
}

/** Converts spans from the track's clock to seconds of the segment and cuts them at its borders. */
function placeInSegment(
  spans: readonly DetectionSpan[],
  { fromSec }: TrackExtent,
  durationSec: number,
): DetectionSpan[] {
  return spans.map((span) => ({
    fromSec: Math.max(0, span.fromSec - fromSec),
    toSec: Math.min(durationSec, span.toSec - fromSec),
  }))
}

function isLongEnough({ fromSec, toSec }: DetectionSpan, durationSec: number, slackSec: number): boolean {
  const touchesBorder = fromSec === 0 || toSec === durationSec
  return toSec > fromSec && toSec - fromSec >= (touchesBorder ? slackSec : MIN_INNER_SPAN_SEC)
}

type PresentTrack = Extract<TrackFindings, { kind: 'present' }>

/** Reports whether any span begins at the segment's start. */
export function startsInSpan({ spans }: PresentTrack): boolean {
  return Object.values(spans).some(([first]) => first?.fromSec === 0)
}

/** Extends spans at a segment's start back to where they began in the previous segment, at a negative second. */
export function joinPrecedingSegment(
  found: PresentTrack,
  before: TrackFindings,
  beforeDurationSec: number,
): PresentTrack {
  if (before.kind === 'absent') return found
  const spans = Object.entries(found.spans).map(([name, [first, ...others]]): [string, readonly DetectionSpan[]] => {
    const last = before.spans[name]?.at(-1)
    if (first?.fromSec !== 0 || last?.toSec !== beforeDurationSec) return [name, found.spans[name] ?? []]
    return [name, [{ fromSec: last.fromSec - beforeDurationSec, toSec: first.toSec }, ...others]]
  })
  return { kind: 'present', spans: Object.fromEntries(spans) }
}
