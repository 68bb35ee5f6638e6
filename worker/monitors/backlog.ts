import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { Segment } from './snapshot.ts'

/** What to look at of the segments that a playlist has brought: `passed` of them, the oldest, are left out. */
export type Backlog = { readonly segments: readonly Segment[]; readonly passed: number }

/** So many segments are kept of a backlog that is too long. */
const KEPT_SEGMENTS = 3

/** Whoever is further behind than this is too late to raise an alarm, however long the playlist's window is. */
const LONGEST_BACKLOG_SEC = 300

/**
 * Which new segments to look at: all, or the newest one where only that is asked for. `isOverrun`: analysis was so slow
 * that segments left the playlist unseen; then, as with a very long backlog, only the newest few.
 */
export function chooseSegments(fresh: readonly Segment[], config: MonitorConfig, isOverrun: boolean): Backlog {
  if (config.coverage === 'latest') return newest(fresh, 1)
  const totalSec = fresh.reduce((sum, segment) => sum + segment.durationSec, 0)
  return isOverrun || totalSec > LONGEST_BACKLOG_SEC ? newest(fresh, KEPT_SEGMENTS) : { segments: fresh, passed: 0 }
}

function newest(fresh: readonly Segment[], count: number): Backlog {
  const segments = fresh.slice(-count)
  return { segments, passed: fresh.length - segments.length }
}
