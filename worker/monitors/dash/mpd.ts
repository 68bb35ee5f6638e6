/**
 * A media presentation description (ISO/IEC 23009-1 §5.3) with what a monitor needs of it. Attributes of upper levels are
 * inherited, and references are resolved. Times are in seconds on the presentation's own time line, which begins at 0.
 */

import type { ByteRange } from '../../platform/http.ts'
import type { TrackSelection } from '../stream.ts'
import type { XmlElement } from './read-xml.ts'

export type Mpd = {
  readonly isDynamic: boolean
  /** Time of the presentation's 0, in ms since 1970 (§5.3.1.2); `null` where the MPD has none. */
  readonly availabilityStartMs: number | null
  /** When it was made, in ms since 1970 (publishTime); `null` where it does not say so. */
  readonly publishedMs: number | null
  readonly durationSec: number | null
  /** Within this time after a fetch the MPD stays valid; `null`: it is not updated. */
  readonly updateSec: number | null
  /** timeShiftBufferDepth: how long segments stay available; `null`: for as long as the presentation. */
  readonly windowSec: number | null
  readonly maxSegmentSec: number | null
  /** URL from which it is fetched from now on (§5.15.2). */
  readonly location: string | null
  readonly timings: readonly UtcTiming[]
  readonly periods: readonly MpdPeriod[]
}

/** A source of the server's time (§5.8.4.11). `value` is a time for `direct`, otherwise a URL. */
export type UtcTiming = { readonly method: 'direct' | 'iso' | 'head'; readonly value: string }

export type MpdPeriod = {
  /** Identifies it across fetches of the MPD. */
  readonly key: string
  readonly startSec: number
  /** `null` while it is not known. */
  readonly endSec: number | null
  readonly representations: readonly Representation[]
}

export type Representation = {
  /** Its id, or its place where it has none. */
  readonly id: string
  readonly tracks: TrackSelection
  readonly bandwidth: number | null
  /** Height of the picture. */
  readonly lines: number | null
  /** Rank of its set among those of its kind, the lowest is best. */
  readonly rank: number
  /** How it is protected (ContentProtection); `null` where it is clear. */
  readonly protection: string | null
  /** Its segments at each of its base URLs, the preferred one first; at least one. */
  readonly sources: readonly SegmentSource[]
}

/** How the segments of a representation are found. */
export type SegmentSource = {
  readonly baseUrl: string
  readonly representationId: string
  readonly bandwidth: string
  /** Units per second, above 0. */
  readonly timescale: bigint
  /** Media time at the start of the period. */
  readonly presentationOffset: bigint
  readonly startNumber: number
  readonly endNumber: number | null
  /** Duration of every segment but the last, in units of the timescale; `null` with a timeline. */
  readonly duration: number | null
  /** The SegmentTimeline. */
  readonly timeline: XmlElement | null
  /** How much earlier than its end a whole segment can be fetched, in seconds (availabilityTimeOffset). */
  readonly earlySec: number
  readonly media: SegmentMedia
  readonly init: SegmentPart | null
}

/** A reference, perhaps to a part of a resource. `null`: the base URL itself. */
export type SegmentPart = { readonly reference: string | null; readonly byteRange: ByteRange | null }

export type SegmentMedia =
  /** SegmentTemplate. */
  | { readonly kind: 'template'; readonly pattern: string; readonly isNumbered: boolean }
  /** SegmentList: its SegmentURL elements. */
  | { readonly kind: 'list'; readonly urls: readonly XmlElement[] }
  /** One resource with an index (SegmentBase), or without one. */
  | { readonly kind: 'whole'; readonly indexRange: ByteRange | null }
