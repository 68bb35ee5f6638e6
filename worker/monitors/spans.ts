import type { Detector } from './detectors/detector.ts'
import type { Mark, Reading, Side, Track } from './reading.ts'
import type { SideFindings, Span } from './snapshot.ts'

/** Within a segment a shorter run is no more than a flicker; at its borders it may be a piece of a longer one. */
const MIN_INNER_RUN_SEC = 0.1

/**
 * How far what a decoder gives right after a cut may be off, for want of what came before it: nothing for a picture;
 * the first frames of sound, which overlap, may hold noise in silence or silence in sound.
 */
const CUT_SLACK_SEC = { picture: 0, sound: 0.05 } as const

/** A side that begins so much after the other one, or ends so much before it, is missing there: muxing explains less. */
const MIN_MISSING_SEC = 1

/** A stretch on the clock of a reading. */
export type Extent = { readonly fromSec: number; readonly toSec: number }

/** Where the segment begins and ends for each side; both are as long. */
export type Extents = Readonly<Record<Side, Extent>>

export function lengthSec({ fromSec, toSec }: Extent): number {
  return toSec - fromSec
}

/** From the first to the last packet of a track, its duration counted; `null` without packets. */
function trackExtent({ packets }: Track): Extent | null {
  const [first] = packets
  if (first === undefined) return null
  const times = packets.map(({ sec }) => sec).toSorted((a, b) => a - b)
  const startSec = first.isKey ? first.sec : (times[0] ?? first.sec)
  return { fromSec: startSec, toSec: (times.at(-1) ?? startSec) + typicalStep(times) }
}

/** The usual distance between neighbours: the median, which a gap does not disturb. */
function typicalStep(times: readonly number[]): number {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time))
  return steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0
}

/**
 * From where to where a segment goes: from the picture's first frame, or from the sound's where there is no picture, or
 * none for so long that it is missing. Where the sides run on clocks of their own, each begins with its own first
 * packet. `null` where there are no packets at all.
 */
export function segmentExtents(reading: Reading, durationSec: number): Extents | null {
  const picture = trackExtent(reading.picture)
  const sound = trackExtent(reading.sound)
  const only = picture ?? sound
  if (only === null) return null
  if (picture === null || sound === null) return { picture: only, sound: only }
  const longestSec = Math.max(lengthSec(picture), lengthSec(sound))
  const toSec = Math.max(picture.toSec, sound.toSec)
  const outsideSec = toSec - Math.min(picture.fromSec, sound.fromSec) - longestSec
  // One side covers the segment by itself, and yet the other reaches out of it.
  if (outsideSec > MIN_MISSING_SEC && longestSec >= durationSec - MIN_MISSING_SEC) {
    const own = ({ fromSec }: Extent) => ({ fromSec, toSec: fromSec + longestSec })
    return { picture: own(picture), sound: own(sound) }
  }
  const isPictureLate = picture.fromSec - sound.fromSec > MIN_MISSING_SEC
  const both = { fromSec: isPictureLate ? sound.fromSec : picture.fromSec, toSec }
  return { picture: both, sound: both }
}

/** What the detectors of a side saw of it, in seconds from the segment's start and within its duration. */
export function findSide(
  side: Side,
  detectors: readonly Detector[],
  segment: { readonly reading: Reading; readonly extents: Extents; readonly durationSec: number },
): SideFindings {
  const track = segment.reading[side]
  const own = trackExtent(track)
  if (own === null) return { kind: 'absent' }
  const { durationSec } = segment
  const extent = segment.extents[side]
  const missing = missingSpans(own, extent)
  const slackSec = CUT_SLACK_SEC[side]
  const spans = detectors
    .filter((detector) => detector.side === side)
    .map(({ name }) => {
      const runs = findRuns(track, track.marks[name] ?? [], slackSec)
      const placed = placeInSegment(merge([...runs, ...missing]), extent, durationSec)
      return [name, placed.filter((span) => isLongEnough(span, durationSec, slackSec))]
    })
  return { kind: 'seen', spans: Object.fromEntries(spans) }
}

/** Where the segment goes on without this track. */
function missingSpans(own: Extent, segment: Extent): Span[] {
  const before = { fromSec: -Infinity, toSec: own.fromSec }
  const after = { fromSec: own.toSec, toSec: Infinity }
  return [
    own.fromSec - segment.fromSec > MIN_MISSING_SEC ? [before] : [],
    segment.toSec - own.toSec > MIN_MISSING_SEC ? [after] : [],
  ].flat()
}

/** Pairs the marks. A run that no frame precedes, or that no mark ends, is open there and reaches to infinity. */
function findRuns(track: Track, marks: readonly Mark[], slackSec: number): Span[] {
  const firstSec = Math.min(...track.frames)
  const runs: Span[] = []
  let fromSec: number | null = null
  for (const mark of marks.toSorted((a, b) => a.sec - b.sec || Number(a.isStart) - Number(b.isStart))) {
    if (mark.isStart) fromSec ??= mark.sec <= firstSec + slackSec ? -Infinity : mark.sec
    else if (fromSec !== null) {
      runs.push({ fromSec, toSec: mark.sec })
      fromSec = null
    }
  }
  return fromSec === null ? runs : [...runs, { fromSec, toSec: Infinity }]
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => a.fromSec - b.fromSec)) {
    const last = merged.at(-1)
    if (last === undefined || span.fromSec > last.toSec) merged.push(span)
    else merged[merged.length - 1] = { fromSec: last.fromSec, toSec: Math.max(last.toSec, span.toSec) }
  }
  return merged
}

function placeInSegment(spans: readonly Span[], { fromSec }: Extent, durationSec: number): Span[] {
  return spans.map((span) => ({
    fromSec: Math.max(0, span.fromSec - fromSec),
    toSec: Math.min(durationSec, span.toSec - fromSec),
  }))
}

function isLongEnough({ fromSec, toSec }: Span, durationSec: number, slackSec: number): boolean {
  const touchesBorder = fromSec === 0 || toSec === durationSec
  return toSec > fromSec && toSec - fromSec >= (touchesBorder ? slackSec : MIN_INNER_RUN_SEC)
}

type Seen = Extract<SideFindings, { kind: 'seen' }>

/** Whether any run is on when the segment begins. */
export function startsInRun({ spans }: Seen): boolean {
  return Object.values(spans).some(([first]) => first?.fromSec === 0)
}

/** Lets runs that are on at a segment's start begin where they began in the segment before, at a negative second. */
export function joinBefore(found: Seen, before: SideFindings, beforeDurationSec: number): Seen {
  if (before.kind === 'absent') return found
  const spans = Object.entries(found.spans).map(([name, [first, ...others]]): [string, readonly Span[]] => {
    const last = before.spans[name]?.at(-1)
    if (first?.fromSec !== 0 || last?.toSec !== beforeDurationSec) return [name, found.spans[name] ?? []]
    return [name, [{ fromSec: last.fromSec - beforeDurationSec, toSec: first.toSec }, ...others]]
  })
  return { kind: 'seen', spans: Object.fromEntries(spans) }
}
