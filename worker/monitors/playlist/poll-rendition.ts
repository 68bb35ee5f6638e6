import type { FetchFailure } from '../../platform/http.ts'
import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { findNewSegments, type PlaylistCursor } from '../state/playlist-cursor.ts'
import { isStalled } from '../state/stall.ts'
import type { StreamPlaylist, StreamRendition, StreamSegment } from '../stream.ts'
import { inspectSegment } from './inspect-segment.ts'
import { computePollIntervalMs, computeRetryIntervalMs } from './poll-interval.ts'
import { selectSegments } from './select-segments.ts'

/** A rendition that is being monitored, and the result of its last poll. */
export type RenditionPoller = {
  readonly rendition: StreamRendition
  readonly probe: SegmentProbe
  readonly last: PollResult
}

export type PollResult = {
  /** Time of the next poll, in ms since 1970. */
  readonly dueMs: number
  /** Failed fetches of the playlist in a row. */
  readonly failures: number
  /** The playlist's URL is gone: 403, 404 or 410. */
  readonly isUrlDead: boolean
  /** The fetch had nothing new. */
  readonly isWaiting: boolean
  /** Every segment before the playlist's EXT-X-ENDLIST was handled. */
  readonly isOver: boolean
  /** Analysis took longer than until the next poll was due. */
  readonly isLate: boolean
  /** The next segment does not directly follow the last analyzed one: one was not analyzed, or the playlist stalled. */
  readonly isAfterGap: boolean
}

/** Result before the first poll, which is due at once. */
export const INITIAL_POLL_RESULT: PollResult = {
  dueMs: -Infinity,
  failures: 0,
  isUrlDead: false,
  isWaiting: false,
  isOver: false,
  isLate: false,
  isAfterGap: false,
}

/** Fetches a rendition's playlist and inspects its new segments in order. Starts none once the worker is stopping. */
export async function pollRendition(poller: RenditionPoller, context: MonitorContext): Promise<PollResult> {
  const { rendition, last } = poller
  const { monitor, client, clock, lifetime, log } = context
  const { tracks } = rendition
  const beganMs = clock.nowMs()
  const fetched = await client.fetchPlaylist(rendition, lifetime.stopping)
  const atMs = clock.nowMs()
  if (lifetime.stopping.aborted) return last
  if (fetched.kind === 'failed') {
    const error = fetched.failure.message
    if (last.failures === 0) log.warn('playlist could not be fetched, retrying', { sides: tracks, error })
    monitor.observe({ kind: 'playlist_failed', atMs, beganMs, tracks, error })
    return afterFailedPoll(last, fetched.failure, atMs)
  }
  if (last.failures > 0) log.info('playlist fetched after failures', { sides: tracks, failures: last.failures })
  const { playlist, bytes } = fetched
  const { phase, positions } = monitor.state()
  const before = positions[tracks] ?? null
  const wasStalled = phase.kind === 'monitoring' && isStalled(phase.flow, tracks)
  const { fresh, skipped } = findNewSegments(playlist, before)
  const [first] = fresh
  const firstStartMs = first === undefined ? null : streamTimeMs(first, playlist, atMs)
  const { targetDurationSec, isEnded } = playlist
  monitor.observe({ kind: 'playlist', atMs, tracks, targetDurationSec, firstStartMs, isEnded })
  const isAfterGap = await inspectNewSegments({ playlist, before, wasStalled, fresh, skipped, atMs }, poller, context)
  const hasNew = first !== undefined
  const poll = { playlist, hasNew, wasWaiting: last.isWaiting, bytes }
  const dueMs = atMs + computePollIntervalMs(poll, context.config)
  const isOver = isEnded && !lifetime.stopping.aborted
  const isLate = clock.nowMs() > dueMs
  return { dueMs, failures: 0, isUrlDead: false, isWaiting: !hasNew, isOver, isLate, isAfterGap }
}

function afterFailedPoll(last: PollResult, { status }: FetchFailure, atMs: number): PollResult {
  const failures = last.failures + 1
  const isUrlDead = status === 403 || status === 404 || status === 410
  return { ...last, failures, isUrlDead, dueMs: atMs + computeRetryIntervalMs(failures, Math.random) }
}

/** A fetched playlist and its news since the cursor `before`. */
type PlaylistNews = {
  readonly playlist: StreamPlaylist
  readonly before: PlaylistCursor | null
  readonly fresh: readonly StreamSegment[]
  /** Number of segments that left the playlist unread. */
  readonly skipped: number
  readonly wasStalled: boolean
  readonly atMs: number
}

/** Inspects the new segments that are selected. Returns whether the next segment will come after a gap. */
async function inspectNewSegments(
  { playlist, before, fresh, skipped, wasStalled, atMs }: PlaylistNews,
  { rendition: { tracks }, probe, last }: RenditionPoller,
  context: MonitorContext,
): Promise<boolean> {
  const { monitor, config, lifetime, clock, log } = context
  const isOverrun = skipped > 0 && last.isLate
  const { segments, omittedCount } = selectSegments(fresh, config, isOverrun)
  const count = skipped + omittedCount
  if (count > 0 && before !== null) {
    const cursor = cursorAfter(fresh[omittedCount - 1], playlist, before) ?? before
    monitor.observe({ kind: 'skipped', atMs: clock.nowMs(), progress: { tracks, cursor }, count })
    log.warn('segments skipped', { sides: tracks, missed: skipped, passed: omittedCount, is_overrun: isOverrun })
  }
  let isAfterGap = last.isAfterGap || wasStalled || count > 0
  for (const segment of segments) {
    const cursor = cursorAfter(segment, playlist, before)
    if (lifetime.stopping.aborted || cursor === null) break
    const startMs = streamTimeMs(segment, playlist, atMs)
    isAfterGap = !(await inspectSegment({ segment, progress: { tracks, cursor }, startMs, isAfterGap, probe }, context))
  }
  return isAfterGap
}

/** Returns the cursor after a segment: that of the playlist as it was when the segment was its newest. */
function cursorAfter(
  segment: StreamSegment | undefined,
  playlist: StreamPlaylist,
  before: PlaylistCursor | null,
): PlaylistCursor | null {
  const end = segment === undefined ? 0 : playlist.segments.indexOf(segment) + 1
  return findNewSegments({ ...playlist, segments: playlist.segments.slice(0, end) }, before).cursor
}

/** Returns the stream time of a segment's start: its program date-time, or else by its distance from the live edge. */
function streamTimeMs(segment: StreamSegment, playlist: StreamPlaylist, fetchedAtMs: number): number {
  if (segment.programDateTimeMs !== null) return segment.programDateTimeMs
  const toEdge = playlist.segments.slice(playlist.segments.indexOf(segment))
  return fetchedAtMs - toEdge.reduce((sum, { durationSec }) => sum + durationSec * 1000, 0)
}
