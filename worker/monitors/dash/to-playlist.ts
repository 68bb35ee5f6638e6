import { credibleTime } from '../playlist/playlist-numbers.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import type { DashSegment } from './list-segments.ts'
import type { Mpd } from './mpd.ts'

/** Duration of a segment where the MPD lists none, in seconds. */
const DEFAULT_SEGMENT_SEC = 5

/** Longest time between two updates of a timeline that is believed, in seconds. */
const MAX_UPDATE_SEC = 30

/** What an MPD lists of a representation. */
export type RepresentationListing = {
  readonly mpd: Mpd
  readonly listed: readonly DashSegment[]
  /** Numbers of the listed segments; one without a number is left out. */
  readonly numbers: readonly (number | null)[]
  /** Time of the presentation's 0, in ms since 1970. */
  readonly startMs: number | null
  /** The server's time, in seconds on the time line. */
  readonly nowSec: number | null
  /** The longest time between two fetches with news, in seconds; `null` while it is not known. */
  readonly paceSec?: number | null
}

/** Converts what an MPD lists to a playlist. Program date-times are those of the MPD's own clock. */
export function toPlaylist(listing: RepresentationListing): StreamPlaylist {
  const { mpd, listed, numbers, startMs, nowSec } = listing
  const segments = listed.flatMap((segment, index): readonly StreamSegment[] => {
    const { url, durationSec, startSec, discontinuity, byteRange, map, encryption, isUnusable } = segment
    const programDateTimeMs = startMs === null ? null : credibleTime(Math.round(startMs + startSec * 1000))
    const sequence = numbers[index] ?? null
    if (sequence === null) return []
    const read = { sequence, url, durationSec, programDateTimeMs, discontinuity, byteRange, map, encryption }
    return [isUnusable === true ? { ...read, isUnusable } : read]
  })
  const targetDurationSec = computeTargetSec(listing)
  return { segments, targetDurationSec, isEnded: isEnded(mpd, nowSec, targetDurationSec) }
}

/** Returns the longest time between two segments: their duration, or that between two updates of what the MPD lists. */
function computeTargetSec({ mpd, listed, paceSec }: RepresentationListing): number {
  const longestSec = listed.reduce((longest, { durationSec }) => Math.max(longest, durationSec), 0)
  const segmentSec = longestSec || Math.min(mpd.maxSegmentSec ?? Infinity, 60) || DEFAULT_SEGMENT_SEC
  const updateSec = isComputed(mpd) ? 0 : Math.min(mpd.updateSec ?? 0, paceSec ?? MAX_UPDATE_SEC, MAX_UPDATE_SEC)
  return Math.max(Number.isFinite(segmentSec) ? segmentSec : DEFAULT_SEGMENT_SEC, updateSec)
}

/** Reports whether the newest period's segments follow from the time alone, so that an older MPD shows new ones. */
export function isComputed({ periods }: Mpd): boolean {
  const representations = periods.at(-1)?.representations ?? []
  return (
    representations.length > 0 &&
    representations.every(({ sources: [source] }) => source?.media.kind === 'template' && source.duration !== null)
  )
}

/** Time after the announced end in which an MPD that is still updated may move it, in seconds. */
const END_PATIENCE_SEC = 10

/** Reports whether no segments follow: the MPD is static, or the end of its presentation has passed. */
function isEnded(
  { isDynamic, durationSec, updateSec, periods }: Mpd,
  nowSec: number | null,
  targetSec: number,
): boolean {
  if (!isDynamic) return true
  const endSec = durationSec ?? (updateSec === null ? (periods.at(-1)?.endSec ?? null) : null)
  if (endSec === null || nowSec === null) return false
  const patienceSec = updateSec === null ? 0 : Math.max(END_PATIENCE_SEC, 2 * targetSec)
  return nowSec >= endSec + patienceSec
}
