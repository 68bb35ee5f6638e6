import { resolveHttpUrl } from '../playlist/playlist-numbers.ts'
import type { Mpd, MpdPeriod, UtcTiming } from './mpd.ts'
import { parseDurationSec, parseTime } from './mpd-values.ts'
import { createMpdBudget, type InheritedContext, readBaseUrls, readRepresentations } from './read-representations.ts'
import { childNamed, childrenNamed, parseXml, readAttributes, type XmlElement } from './read-xml.ts'

export type ParsedMpd =
  | { readonly kind: 'ok'; readonly mpd: Mpd }
  /** `reason` completes "the answer …". */
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * Parses an MPD (ISO/IEC 23009-1) that was fetched from `url`. What cannot be read is left out: a period without a start,
 * a representation without segments. `mpd-parser` would list all segments at once, and number them by their place.
 */
export function parseMpd(text: string, url: string): ParsedMpd {
  const parsed = parseXml(text)
  if (parsed.kind === 'invalid') return parsed
  const { root } = parsed
  if (root.name !== 'MPD') return { kind: 'invalid', reason: 'is XML, not a playlist' }
  const mpd = readMpd(root, url)
  if (mpd.periods.length === 0) return { kind: 'invalid', reason: 'is an MPD without a period' }
  return { kind: 'ok', mpd }
}

function readMpd(root: XmlElement, url: string): Mpd {
  const attributes = readAttributes(root)
  const isDynamic = attributes.get('type')?.trim().toLowerCase() === 'dynamic'
  const durationSec = parseDurationSec(attributes.get('mediaPresentationDuration'))
  const locations = childrenNamed(root, 'Location').slice(0, MAX_REFERENCES)
  const budget = createMpdBudget()
  const bases = readBaseUrls(root, [{ url, earlySec: 0 }], budget)
  return {
    isDynamic,
    availabilityStartMs: parseTime(attributes.get('availabilityStartTime')),
    publishedMs: parseTime(attributes.get('publishTime')),
    durationSec,
    updateSec: parseDurationSec(attributes.get('minimumUpdatePeriod')),
    windowSec: parseDurationSec(attributes.get('timeShiftBufferDepth')),
    maxSegmentSec: parseDurationSec(attributes.get('maxSegmentDuration')),
    location: locations.map(({ text }) => resolveHttpUrl(text, url)).find((each) => each !== null) ?? null,
    timings: childrenNamed(root, 'UTCTiming')
      .slice(0, MAX_REFERENCES)
      .flatMap((timing) => readTiming(timing, url)),
    periods: readPeriods(root, durationSec, { bases, protection: childNamed(root, 'ContentProtection'), budget }),
  }
}

/** Most elements of one name that refer to something beside the segments. */
const MAX_REFERENCES = 16

/** Schemes of UTCTiming that a monitor can use (§5.8.5.7). */
const TIMING_METHODS: ReadonlyMap<string, UtcTiming['method']> = new Map([
  ['direct', 'direct'],
  ['http-iso', 'iso'],
  ['http-xsdate', 'iso'],
  ['http-head', 'head'],
])

/** Most URLs of one UTCTiming. */
const MAX_TIMING_URLS = 3

function readTiming(element: XmlElement, url: string): UtcTiming[] {
  const attributes = readAttributes(element)
  const name = /^urn:mpeg:dash:utc:([a-z-]+):\d{4}$/.exec(attributes.get('schemeIdUri') ?? '')?.[1] ?? ''
  const method = TIMING_METHODS.get(name)
  const value = (attributes.get('value') ?? '').trim()
  if (method === undefined) return []
  if (method === 'direct') return [{ method, value }]
  const urls = value.slice(0, 8192).split(/\s+/).slice(0, MAX_TIMING_URLS)
  return urls.flatMap((each) => {
    const resolved = resolveHttpUrl(each, url)
    return resolved === null ? [] : [{ method, value: resolved }]
  })
}

/** A period whose start is known, before its end is. */
type TimedPeriod = { readonly element: XmlElement; readonly startSec: number; readonly durationSec: number | null }

/**
 * Reads the periods in order. One whose start is unknown, announced early (§5.3.2.1), is left out. The newest are read
 * first: where the MPD has more representations than its budget, the oldest periods have none.
 */
function readPeriods(root: XmlElement, durationSec: number | null, context: InheritedContext): readonly MpdPeriod[] {
  const timed: TimedPeriod[] = []
  for (const element of childrenNamed(root, 'Period')) {
    const attributes = readAttributes(element)
    const startSec = parseDurationSec(attributes.get('start')) ?? findImpliedStart(timed)
    if (startSec === null) continue
    timed.push({ element, startSec, durationSec: parseDurationSec(attributes.get('duration')) })
  }
  const ordered = timed.toSorted((a, b) => a.startSec - b.startSec)
  const ends = ordered.map((period, index) => findPeriodEnd(period, ordered[index + 1]?.startSec ?? null, durationSec))
  const newestFirst = [...ordered.entries()].toReversed()
  const periods = newestFirst.map(([index, period]) => readPeriod(period, ends[index] ?? null, context))
  return periods.toReversed()
}

/** Returns the start of a period without one: the end of the one before it, or 0 for the first. */
function findImpliedStart(before: readonly TimedPeriod[]): number | null {
  const last = before.at(-1)
  // The first period of a dynamic MPD should have its start. Without one, players take it for 0.
  if (last === undefined) return 0
  return last.durationSec === null ? null : last.startSec + last.durationSec
}

/** Returns the end of a period: by its duration, by the next one's start or, of the last one, by the presentation's end. */
function findPeriodEnd(
  { startSec, durationSec }: TimedPeriod,
  nextStartSec: number | null,
  presentationSec: number | null,
): number | null {
  const ends = [
    durationSec === null ? null : startSec + durationSec,
    nextStartSec,
    nextStartSec === null ? presentationSec : null,
  ].filter((end) => end !== null)
  return ends.length === 0 ? null : Math.min(...ends)
}

function readPeriod({ element, startSec }: TimedPeriod, endSec: number | null, context: InheritedContext): MpdPeriod {
  return {
    key: readAttributes(element).get('id') ?? `@${startSec}`,
    startSec,
    endSec,
    representations: readRepresentations(element, context),
  }
}
