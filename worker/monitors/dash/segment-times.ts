import type { MpdPeriod, SegmentSource } from './mpd.ts'
import { parseUnsigned } from './mpd-values.ts'
import { childrenNamed, readAttributes, type XmlElement } from './read-xml.ts'

/** A segment by its place in its period. `startSec` is relative to the start of the period. */
export type SegmentTime = {
  /** Number of segments before it in the list that the MPD describes. */
  readonly index: number
  /** Its media time, in units of the timescale. */
  readonly time: bigint
  readonly startSec: number
  readonly durationSec: number
}

/** What of a period is listed. Times are relative to its start, in seconds. */
export type TimeBounds = {
  /** Server's time; `null` for a static MPD, of which all is available. */
  readonly nowSec: number | null
  /** End of the period; `null` while it is not known. */
  readonly endSec: number | null
  /** Most segments, the newest. */
  readonly limit: number
}

/** Longest credible segment in seconds, and the shortest. */
const MAX_SEGMENT_SEC = 3600
const MIN_SEGMENT_SEC = 0.001

/** Share of a segment that rounding may add to a period. */
const ROUNDING = 0.001

/** Lists the newest segments of a period whose times follow from their number and duration, up to those available. */
export function listByDuration(source: SegmentSource, count: number, bounds: TimeBounds): readonly SegmentTime[] {
  const { timescale, duration, startNumber, endNumber, presentationOffset, earlySec } = source
  const durationSec = (duration ?? 0) / Number(timescale)
  if (!isCredible(durationSec)) return []
  const { nowSec, endSec, limit } = bounds
  const end = Math.min(
    count,
    endNumber === null ? Infinity : endNumber - startNumber + 1,
    endSec === null ? Infinity : Math.ceil(endSec / durationSec - ROUNDING),
    nowSec === null ? Infinity : countEnded(nowSec + earlySec, durationSec, endSec),
  )
  // Numbers beyond this are no longer exact. Times may be: in units of 100 ns they are, a few decades after their 0.
  if (!(end > 0) || !Number.isSafeInteger(end)) return []
  const from = Math.max(0, end - limit)
  return Array.from({ length: end - from }, (_, offset) => {
    const index = from + offset
    const startSec = index * durationSec
    const time = presentationOffset + multiplyExactly(index, duration ?? 0)
    return { index, time, startSec, durationSec: Math.min(durationSec, (endSec ?? Infinity) - startSec) }
  }).filter((segment) => segment.durationSec > 0)
}

/** Returns the media time of a segment; exact, however large it is, where the duration is a whole number. */
function multiplyExactly(index: number, duration: number): bigint {
  return Number.isSafeInteger(duration) ? BigInt(index) * BigInt(duration) : BigInt(Math.round(index * duration))
}

/** Counts the segments that have ended and so are available; the last one ends with its period (ISO/IEC 23009-1 §5.3.9.5.3). */
function countEnded(untilSec: number, durationSec: number, endSec: number | null): number {
  return endSec !== null && untilSec >= endSec ? Infinity : Math.floor(untilSec / durationSec + 1e-9)
}

function isCredible(durationSec: number): boolean {
  return durationSec >= MIN_SEGMENT_SEC && durationSec <= MAX_SEGMENT_SEC
}

/** Segments of one duration in a row (an S element). */
type TimelineRun = { readonly index: number; readonly time: bigint; readonly duration: bigint; readonly count: bigint }

/** How far ahead of the server's time a listed segment may end, in seconds: clocks differ. */
const AHEAD_SEC = 10

/** Lists the newest segments of a SegmentTimeline (ISO/IEC 23009-1 §5.3.9.6), without repeating what is not listed. */
export function listByTimeline(source: SegmentSource, bounds: TimeBounds): readonly SegmentTime[] {
  const toMediaTime = (sec: number) => mediaTimeAt(source, sec)
  const runs = readTimeline(source, bounds)
  const { nowSec, endSec, limit } = bounds
  const inPeriod = endSec === null ? runs : runs.map((run) => cutRun(run, startsBefore(run, toMediaTime(endSec))))
  const available =
    nowSec === null
      ? inPeriod
      : inPeriod.map((run) => cutRun(run, endsBefore(run, toMediaTime(nowSec + source.earlySec + AHEAD_SEC))))
  return takeNewest(available, limit).map(({ index, time, duration }) => {
    const startSec = toSec(time - source.presentationOffset, source.timescale)
    return { index, time, startSec, durationSec: toSec(duration, source.timescale) }
  })
}

function toSec(units: bigint, timescale: bigint): number {
  return Number(units) / Number(timescale)
}

/** Returns the media time at a time of the period. */
function mediaTimeAt({ timescale, presentationOffset }: SegmentSource, sec: number): bigint {
  return presentationOffset + BigInt(Math.floor(Math.max(-1e10, Math.min(sec, 1e10)) * Number(timescale)))
}

function cutRun(run: TimelineRun, count: bigint): TimelineRun {
  return count < run.count ? { ...run, count: count < 0n ? 0n : count } : run
}

/** Returns how many segments of a run start before a media time. */
function startsBefore({ time, duration }: TimelineRun, end: bigint): bigint {
  return end <= time ? 0n : (end - time + duration - 1n) / duration
}

/** Returns how many segments of a run end at or before a media time. */
function endsBefore({ time, duration }: TimelineRun, end: bigint): bigint {
  return end <= time ? 0n : (end - time) / duration
}

/** Largest place of a segment in its timeline. */
const MAX_INDEX = 2n ** 48n

type RepeatedRun = {
  readonly time: bigint
  readonly duration: bigint
  readonly repeat: bigint | 'open'
  /** Number of its first segment; `null` where it follows the run before. */
  readonly number: bigint | null
}

/** Reads the runs of a timeline. One that goes back in time is left out, as is a segment without a credible duration. */
function readTimeline(source: SegmentSource, bounds: TimeBounds): readonly TimelineRun[] {
  const repeated = readRepeatedRuns(source)
  const runs: TimelineRun[] = []
  let index = 0n
  for (const [at, run] of repeated.entries()) {
    index = placeOfRun(run, source, index)
    const count = run.repeat === 'open' ? countOpen(run, repeated[at + 1], source, bounds) : run.repeat + 1n
    if (index + count > MAX_INDEX) break
    runs.push({ index: Number(index), time: run.time, duration: run.duration, count })
    index += count
  }
  return runs
}

/** Returns the place of a run whose number may be later than that of the one before it (S@n). A list has no gaps. */
function placeOfRun({ number }: RepeatedRun, { media, startNumber }: SegmentSource, next: bigint): bigint {
  const place = number === null || media.kind !== 'template' ? next : number - BigInt(startNumber)
  return place > next ? place : next
}

function readRepeatedRuns({ timeline, timescale }: SegmentSource): readonly RepeatedRun[] {
  const runs: RepeatedRun[] = []
  let next = 0n
  for (const element of timeline === null ? [] : childrenNamed(timeline, 'S')) {
    const run = readRun(element, next)
    const isForward = run.time >= (runs.at(-1)?.time ?? 0n)
    if (!isForward || !isCredible(toSec(run.duration, timescale))) continue
    runs.push(run)
    next = run.repeat === 'open' ? run.time : run.time + run.duration * (run.repeat + 1n)
  }
  return runs
}

/** Reads an S element, which begins at `next` where it does not say so. */
function readRun(element: XmlElement, next: bigint): RepeatedRun {
  const attributes = readAttributes(element)
  const repeat = attributes.get('r') ?? ''
  return {
    time: parseUnsigned(attributes.get('t')) ?? next,
    duration: parseUnsigned(attributes.get('d')) ?? 0n,
    number: parseUnsigned(attributes.get('n')),
    repeat: /^\s*-/.test(repeat) ? 'open' : (parseUnsigned(repeat) ?? 0n),
  }
}

/** Counts the segments of `r="-1"`: up to the next element, the end of the period, or those that have ended. */
function countOpen(
  { time, duration }: RepeatedRun,
  following: RepeatedRun | undefined,
  source: SegmentSource,
  { nowSec, endSec }: TimeBounds,
): bigint {
  const run = { index: 0, time, duration, count: MAX_INDEX }
  if (following !== undefined) return startsBefore(run, following.time)
  const inPeriod = endSec === null ? null : startsBefore(run, mediaTimeAt(source, endSec))
  const ended = nowSec === null ? null : endsBefore(run, mediaTimeAt(source, nowSec + source.earlySec))
  const counts = [inPeriod, ended].filter((count) => count !== null)
  return counts.length === 0 ? 1n : counts.reduce((least, count) => (count < least ? count : least))
}

/** Returns the newest segments of runs, in order. */
function takeNewest(runs: readonly TimelineRun[], limit: number): readonly Omit<TimelineRun, 'count'>[] {
  const newest: Omit<TimelineRun, 'count'>[] = []
  for (const { index, time, duration, count } of runs.toReversed()) {
    for (let at = count - 1n; at >= 0n && newest.length < limit; at--) {
      newest.push({ index: index + Number(at), time: time + at * duration, duration })
    }
    if (newest.length >= limit) break
  }
  return newest.toReversed()
}

/** Returns the bounds of a period in a presentation whose time is `nowSec`; `null` for a static one. */
export function boundsOfPeriod(period: MpdPeriod, nowSec: number | null, limit: number): TimeBounds {
  return {
    nowSec: nowSec === null ? null : nowSec - period.startSec,
    endSec: period.endSec === null ? null : period.endSec - period.startSec,
    limit,
  }
}
