/**
 * Lists the newest segments of one representation across the periods of an MPD. It goes from the newest period back and
 * stops where enough is listed, so that neither the age of a presentation nor its numbers decide on the work.
 */

import type { ByteRange } from '../../platform/http.ts'
import { resolveHttpUrl } from '../playlist/playlist-numbers.ts'
import {
  type InitSection,
  type RepresentationChoice,
  type SegmentEncryption,
  type StreamResource,
  UNUSABLE_URL,
} from '../stream.ts'
import type { Mpd, MpdPeriod, SegmentPart, SegmentSource } from './mpd.ts'
import { pickRepresentation, type PickedRepresentation } from './rank-representations.ts'
import { readSegmentUrl } from './read-segment-source.ts'
import type { IndexedPart } from './segment-index.ts'
import { fillTemplate } from './segment-template.ts'
import { boundsOfPeriod, listByDuration, listByTimeline, type SegmentTime } from './segment-times.ts'

/** A segment as an MPD describes it. */
export type DashSegment = {
  readonly periodKey: string
  /** Its number, where the MPD numbers segments; it may begin anew with each period. */
  readonly number: number | null
  /** Its start on the time line of the presentation. */
  readonly startSec: number
  readonly durationSec: number
  /** It is the first of a period after another one. */
  readonly discontinuity: boolean
  readonly url: string
  readonly byteRange: ByteRange | null
  readonly map: InitSection | null
  readonly encryption: SegmentEncryption | null
  /** Its reference cannot be used; those of other segments in its list can. */
  readonly isUnusable?: true
}

/** Returns the segments of an index that was fetched; `null` where it cannot be read. */
export type IndexLookup = (index: StreamResource) => readonly IndexedPart[] | null

/** What is listed: media of at most ten minutes, twice the longest backlog that is analyzed. */
const MAX_LISTED_SEC = 600
const MAX_LISTED = 1000
/** Segments that are kept however long they are. */
const MIN_LISTED = 3

/** Lists segments, oldest first. `nowSec`: the server's time on the time line; `null` for a static MPD. */
export function listSegments(
  mpd: Mpd,
  choice: RepresentationChoice,
  nowSec: number | null,
  lookUp: IndexLookup,
): readonly DashSegment[] {
  const known = listNewest(mpd, choice, { nowSec, isTrusted: true, lookUp })
  // Where all of a timeline lies ahead, it is the clock that is wrong.
  const listed = known.length > 0 ? known : listNewest(mpd, choice, { nowSec, isTrusted: false, lookUp })
  return cutToWindow(listed, mpd).map((segment, index, all) => {
    const before = all[index - 1]
    const isNewPeriod = before !== undefined && before.periodKey !== segment.periodKey
    return isNewPeriod ? { ...segment, discontinuity: true } : segment
  })
}

function listNewest(
  mpd: Mpd,
  choice: RepresentationChoice,
  listing: Omit<PeriodListing, 'limit'>,
): readonly DashSegment[] {
  let listed: readonly DashSegment[] = []
  for (const period of mpd.periods.toReversed()) {
    const found = listPeriod(period, choice, { ...listing, limit: MAX_LISTED - listed.length })
    if (found.length === 0) continue
    listed = [...found, ...listed]
    if (isEnough(listed, mpd)) break
  }
  return listed
}

/** Returns the indexes that must be fetched before the segments can be listed. */
export function listIndexes(mpd: Mpd, choice: RepresentationChoice, nowSec: number | null): readonly StreamResource[] {
  const begun = mpd.periods.filter(({ startSec }) => nowSec === null || startSec <= nowSec)
  return begun.slice(-MAX_INDEXES).flatMap((period) => {
    const source = pickRepresentation(period, choice)?.source
    const index = source === undefined ? null : indexOf(source)
    return index === null ? [] : [index]
  })
}

/** Most indexes of one presentation that are fetched, of the newest periods. */
const MAX_INDEXES = 3

function indexOf({ baseUrl, media }: SegmentSource): StreamResource | null {
  return media.kind === 'whole' && media.indexRange !== null ? { url: baseUrl, byteRange: media.indexRange } : null
}

function isEnough(listed: readonly DashSegment[], mpd: Mpd): boolean {
  const [first] = listed
  return listed.length >= MAX_LISTED || (first !== undefined && cutToWindow(listed, mpd)[0] !== first)
}

/** Leaves out segments that are no longer available, measured from the newest: its clock is that of the segments. */
function cutToWindow(listed: readonly DashSegment[], { isDynamic, windowSec }: Mpd): readonly DashSegment[] {
  const newest = listed.at(-1)
  if (newest === undefined) return listed
  const keptSec = Math.min(isDynamic ? (windowSec ?? Infinity) : Infinity, MAX_LISTED_SEC)
  const fromSec = newest.startSec + newest.durationSec - keptSec
  return listed.filter(
    ({ startSec, durationSec }, index) => startSec + durationSec >= fromSec || listed.length - index <= MIN_LISTED,
  )
}

type PeriodListing = {
  readonly nowSec: number | null
  /** The clock decides on what a timeline lists. */
  readonly isTrusted: boolean
  readonly limit: number
  readonly lookUp: IndexLookup
}

function listPeriod(
  period: MpdPeriod,
  choice: RepresentationChoice,
  { nowSec, isTrusted, limit, lookUp }: PeriodListing,
): readonly DashSegment[] {
  const picked = pickRepresentation(period, choice)
  if (picked === null) return []
  const toSegment = createSegmentMaker(period, picked)
  const index = indexOf(picked.source)
  if (index !== null) {
    const parts = lookUp(index) ?? []
    return parts.slice(-limit).flatMap((part) => toIndexedSegment(part, toSegment, picked.source) ?? [])
  }
  const isClockUsed = isTrusted || picked.source.timeline === null
  const bounds = boundsOfPeriod(period, isClockUsed ? nowSec : null, limit)
  const segments = listTimes(picked.source, bounds).flatMap((time) => {
    const part = findPart(picked.source, time)
    return part === null ? [] : (toSegment(time, part) ?? [])
  })
  return segments.every(({ isUnusable }) => isUnusable === true) ? [] : segments
}

/** Lists the times of a period's segments, by whatever describes them. */
function listTimes(source: SegmentSource, bounds: ReturnType<typeof boundsOfPeriod>): readonly SegmentTime[] {
  const count = source.media.kind === 'list' ? source.media.urls.length : Infinity
  if (source.timeline !== null) return listByTimeline(source, bounds).filter(({ index }) => index < count)
  if (source.duration !== null) return shiftList(listByDuration(source, count, withList(source, bounds)), source)
  // Without any times, the period is one segment.
  const { nowSec, endSec } = bounds
  if (endSec === null || count === 0 || (nowSec !== null && nowSec < endSec)) return []
  return [{ index: 0, time: source.presentationOffset, startSec: 0, durationSec: endSec }]
}

/** Returns by how much a list's first segment is later than its period: it begins with its startNumber. */
function listShiftSec({ media, startNumber, duration, timescale }: SegmentSource): number {
  return media.kind === 'list' ? (Math.max(0, startNumber - 1) * (duration ?? 0)) / Number(timescale) : 0
}

function withList(source: SegmentSource, bounds: ReturnType<typeof boundsOfPeriod>): ReturnType<typeof boundsOfPeriod> {
  const shiftSec = listShiftSec(source)
  const { nowSec, endSec } = bounds
  return {
    ...bounds,
    nowSec: nowSec === null ? null : nowSec - shiftSec,
    endSec: endSec === null ? null : endSec - shiftSec,
  }
}

function shiftList(times: readonly SegmentTime[], source: SegmentSource): readonly SegmentTime[] {
  const shiftSec = listShiftSec(source)
  return shiftSec === 0 ? times : times.map((time) => ({ ...time, startSec: time.startSec + shiftSec }))
}

/** Returns the reference of the segment at a time, filled in but not resolved; `null` where it has none. */
function findPart(source: SegmentSource, { index, time }: SegmentTime): SegmentPart | null {
  const { media, startNumber, representationId, bandwidth } = source
  if (media.kind === 'list') {
    const url = media.urls[index]
    return url === undefined ? null : readSegmentUrl(url)
  }
  if (media.kind === 'whole') return { reference: null, byteRange: null }
  const number = startNumber + index
  if (!Number.isSafeInteger(number)) return null
  const reference = fillTemplate(media.pattern, { representationId, bandwidth, number, time })
  return reference === null ? null : { reference, byteRange: null }
}

/**
 * Farthest start of a segment from the presentation's 0, in seconds. Ticks since the year 1 stay below it, and every
 * number that is counted from a time within it is exact.
 */
const MAX_START_SEC = 1e11

type SegmentMaker = (
  time: Pick<SegmentTime, 'index' | 'startSec' | 'durationSec'>,
  part: SegmentPart,
) => DashSegment | null

function createSegmentMaker(period: MpdPeriod, { source, protection }: PickedRepresentation): SegmentMaker {
  const map = readMap(source, period)
  const encryption = protection === null ? null : ({ kind: 'drm', method: protection } as const)
  const { media, startNumber } = source
  return ({ index, startSec, durationSec }, part) => {
    const resource = resolveResource(part, source)
    if (resource === null || map === 'unusable' || Math.abs(startSec) > MAX_START_SEC) return null
    const isFirst = Math.abs(startSec) < durationSec / 2
    return {
      periodKey: period.key,
      number: media.kind === 'template' && media.isNumbered ? startNumber + index : null,
      startSec: period.startSec + startSec,
      durationSec,
      discontinuity: isFirst && period.startSec > 0,
      ...resource,
      map,
      encryption,
    }
  }
}

/** Returns what a segment is fetched from. In a list, the place of a reference that cannot be used is kept. */
function resolveResource(
  part: SegmentPart,
  source: SegmentSource,
): Pick<DashSegment, keyof StreamResource | 'isUnusable'> | null {
  const url = resolvePart(part, source)
  if (url !== null) return { url, byteRange: part.byteRange }
  if (source.media.kind !== 'list') return null
  return { url: `${UNUSABLE_URL}${part.reference}`, byteRange: null, isUnusable: true }
}

function resolvePart({ reference }: SegmentPart, { baseUrl }: SegmentSource): string | null {
  return reference === null ? baseUrl : resolveHttpUrl(reference, baseUrl)
}

/** Returns the initialization section of a representation in a period, which may be another one at the same URL before it. */
function readMap(source: SegmentSource, { key: period }: MpdPeriod): InitSection | 'unusable' | null {
  const { init, representationId, bandwidth } = source
  if (init === null) return null
  const { reference, byteRange } = init
  if (reference === null) return { url: source.baseUrl, byteRange, period }
  const filled = fillTemplate(reference, { representationId, bandwidth, number: null, time: null })
  const url = filled === null ? null : resolvePart({ reference: filled, byteRange }, source)
  return url === null ? 'unusable' : { url, byteRange, period }
}

function toIndexedSegment(
  { offset, length, startSec, durationSec }: IndexedPart,
  toSegment: SegmentMaker,
  { presentationOffset, timescale }: SegmentSource,
): DashSegment | null {
  const fromSec = startSec - Number(presentationOffset) / Number(timescale)
  return toSegment({ index: 0, startSec: fromSec, durationSec }, { reference: null, byteRange: { offset, length } })
}
