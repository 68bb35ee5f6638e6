import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { StreamSegment } from '../stream.ts'

/** The new segments to analyze, and the number of older ones that are left out. */
export type SegmentSelection = { readonly segments: readonly StreamSegment[]; readonly omittedCount: number }

/** Number of segments that are kept of a backlog that is too long. */
const KEPT_SEGMENTS = 3

/** Longest backlog. An alert about older media comes too late, however long the playlist's window is. */
const MAX_BACKLOG_SEC = 300
/** Most segments of a backlog: a playlist may declare any number of very short ones. */
const MAX_BACKLOG_SEGMENTS = 1000

/**
 * Selects the new segments to analyze: all of them, or the newest with `coverage: latest`. After an overrun (slow
 * analysis let segments leave the playlist) and of a backlog over 5 minutes or 1000 segments, the newest three.
 */
export function selectSegments(
  fresh: readonly StreamSegment[],
  config: MonitorConfig,
  isOverrun: boolean,
): SegmentSelection {
  if (config.coverage === 'latest') return takeNewest(fresh, 1)
  const totalSec = fresh.reduce((sum, segment) => sum + segment.durationSec, 0)
  const isTooLong = isOverrun || totalSec > MAX_BACKLOG_SEC || fresh.length > MAX_BACKLOG_SEGMENTS
  return isTooLong ? takeNewest(fresh, KEPT_SEGMENTS) : { segments: fresh, omittedCount: 0 }
}

function takeNewest(fresh: readonly StreamSegment[], count: number): SegmentSelection {
  const segments = fresh.slice(-count)
  return { segments, omittedCount: fresh.length - segments.length }
}
