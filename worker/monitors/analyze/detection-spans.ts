import type { TrackKind } from '../stream.ts'
import type { DetectionSpan } from './findings.ts'
import { MIN_MISSING_SEC, type TrackExtent } from './track-extents.ts'

/** A shorter span within a segment is a flicker; at the segment's border it may be part of a longer one. */
const MIN_INNER_SPAN_SEC = 0.1

/**
 * Uncertainty of a decoder right after a cut. The first frames of sound overlap and may hold noise in silence or
 * silence in sound; a picture has none.
 */
const CUT_SLACK_SEC = { picture: 0, sound: 0.05 } as const

/** Where a track and its segment lie on the track's clock, and what was decoded of the segment before. */
export type TrackTimeline = {
  readonly kind: TrackKind
  readonly track: TrackExtent
  readonly segment: TrackExtent
  readonly durationSec: number
  /** How long the track may go on after its last packet. */
  readonly maxStepSec: number
  /** Length of the end of the previous segment that was decoded with this one. */
  readonly lateSec: number
  /** What is missing has no such property. */
  readonly isStill?: boolean
}

/** One decoded picture on the segment's clock. */
export type TimedPicture = { readonly sec: number; readonly isBlack: boolean; readonly isStill: boolean }

/**
 * Returns where pictures have a property, on their clock, in presentation order. `wasDetected`: so had the last one of
 * the previous segment. A span without a known end on a side extends to infinity there.
 */
export function findPictureSpans(
  pictures: readonly TimedPicture[],
  hasProperty: (picture: TimedPicture) => boolean,
  { wasDetected, segment }: { readonly wasDetected: boolean; readonly segment: TrackExtent },
): DetectionSpan[] {
  const [first] = pictures
  if (first === undefined) return []
  const beginsLate = first.sec < segment.fromSec
  const spans: DetectionSpan[] = []
  let fromSec = wasDetected && beginsLate ? -Infinity : null
  for (const picture of pictures) {
    if (hasProperty(picture)) fromSec ??= picture.sec
    else if (fromSec !== null) {
      spans.push({ fromSec, toSec: picture.sec })
      fromSec = null
    }
  }
  if (fromSec !== null) spans.push({ fromSec, toSec: Infinity })
  return beginsLate ? spans : spans.map((span) => (span.fromSec === first.sec ? { ...span, fromSec: -Infinity } : span))
}

/** Returns the silent spans of a track; one that begins with it has no known start. */
export function findSoundSpans(silent: readonly DetectionSpan[], firstSec: number): DetectionSpan[] {
  return silent.map((span) => (span.fromSec <= firstSec + CUT_SLACK_SEC.sound ? { ...span, fromSec: -Infinity } : span))
}

/**
 * Returns the spans of a segment, in seconds from its start and within its duration, together with the time for which the
 * segment lacks the track. Short ones are left out.
 */
export function placeSpans(spans: readonly DetectionSpan[], timeline: TrackTimeline): DetectionSpan[] {
  const slackSec = CUT_SLACK_SEC[timeline.kind]
  return mergeSpans([...spans, ...(timeline.isStill === true ? [] : findMissingSpans(timeline))])
    .map((span) => placeSpan(span, timeline))
    .filter((span) => isLongEnough(span, timeline.durationSec, slackSec))
}

/** Returns where the segment lacks the track, before its start or after its end. */
function findMissingSpans({ kind, track, segment, maxStepSec }: TrackTimeline): DetectionSpan[] {
  const before = { fromSec: -Infinity, toSec: track.fromSec }
  const after = { fromSec: track.toSec, toSec: Infinity }
  const patienceSec = kind === 'picture' ? Math.max(MIN_MISSING_SEC, maxStepSec) : MIN_MISSING_SEC
  return [
    track.fromSec - segment.fromSec > MIN_MISSING_SEC ? [before] : [],
    segment.toSec - track.toSec > patienceSec ? [after] : [],
  ].flat()
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

/** Converts a span from the track's clock to seconds of the segment, and cuts it at its end and at what is known before. */
function placeSpan(span: DetectionSpan, { segment, durationSec, lateSec }: TrackTimeline): DetectionSpan {
  const toSec = Math.min(durationSec, span.toSec - segment.fromSec)
  if (span.fromSec === -Infinity) return { fromSec: Math.min(0, toSec), toSec }
  return { fromSec: Math.max(-lateSec, span.fromSec - segment.fromSec), toSec }
}

function isLongEnough({ fromSec, toSec }: DetectionSpan, durationSec: number, slackSec: number): boolean {
  // A run that was taken to reach the end of the previous segment ends before it.
  if (toSec < 0) return fromSec === toSec
  const touchesBorder = fromSec <= 0 || toSec === durationSec
  return toSec > fromSec && toSec - fromSec >= (touchesBorder ? slackSec : MIN_INNER_SPAN_SEC)
}
