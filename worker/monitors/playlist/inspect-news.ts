/**
 * Inspects the new segments of a fetched playlist in order. A segment that cannot be fetched stops the round: the playlist
 * is fetched again before the next attempt, so that the segment is tried for as long as it is listed and never held on to
 * after it has left. It is passed by earlier only where it stays lost while a newer one can be fetched.
 */

import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { RenditionProgress } from '../state/observation.ts'
import { advanceCursor, type NewSegments } from '../state/playlist-cursor.ts'
import type { PlaylistCursor } from '../state/segment-identity.ts'
import { hashContent } from '../state/segment-identity.ts'
import type { FailedSegmentFetch, SegmentFetch, StreamPlaylist, StreamRendition, StreamSegment } from '../stream.ts'
import { fetchInTime } from './fetch-in-time.ts'
import { inspectSegment } from './inspect-segment.ts'
import { computePatienceMs, computeRetryPauseMs, identifySegment, type SegmentRetry } from './segment-retry.ts'

/** The new segments of a fetched playlist that were selected, and what precedes them. */
export type PlaylistNews = {
  readonly playlist: StreamPlaylist
  readonly segments: readonly StreamSegment[]
  /** The cursor before them. */
  readonly before: PlaylistCursor | null
  /** The first of them directly follows the last one that was read, and no stall of the playlist lies between. */
  readonly isContinuous: boolean
  readonly isUnsure: NewSegments['isUnsure']
  /** The first of them does not directly follow the last one that was analyzed. */
  readonly isAfterGap: boolean
  readonly retry: SegmentRetry | null
  /** Time of the fetch, in ms since 1970. */
  readonly atMs: number
}

export type InspectionRound = {
  /** The next segment does not directly follow the last one that was analyzed. */
  readonly isAfterGap: boolean
  /** The segment to try again, and when, in ms since 1970. */
  readonly pending: { readonly retry: SegmentRetry; readonly dueMs: number } | null
}

type RenditionInspector = { readonly rendition: StreamRendition; readonly probe: SegmentProbe }

/** What changes from segment to segment within a round. */
type RoundState = {
  readonly cursor: PlaylistCursor | null
  readonly isAfterGap: boolean
  /** The next segment, where it was fetched to decide on the one before it. */
  readonly ahead: SegmentFetch | null
}

/** One segment of a round. */
type RoundStep = {
  readonly segment: StreamSegment
  readonly next: StreamSegment | undefined
  readonly progress: RenditionProgress
  readonly isContinuous: boolean
  readonly beganMs: number
}

/** Inspects segments in order until one cannot be fetched, or the worker is stopping. */
export async function inspectNews(
  news: PlaylistNews,
  inspector: RenditionInspector,
  context: MonitorContext,
): Promise<InspectionRound> {
  const first = news.playlist.segments[0]?.sequence ?? null
  const { tracks } = inspector.rendition
  let state: RoundState = { cursor: news.before, isAfterGap: news.isAfterGap, ahead: null }
  for (const [index, segment] of news.segments.entries()) {
    if (context.lifetime.stopping.aborted) break
    const beganMs = context.clock.nowMs()
    const fetched = await fetchUnlessPassed(segment, state, context)
    if (context.lifetime.stopping.aborted) break
    const content = fetched?.kind === 'ok' ? hashContent(fetched.bytes) : null
    const cursor = advanceCursor(state.cursor, segment, { first, content })
    const before = news.segments[index - 1]
    const isContinuous = before === undefined ? news.isContinuous : follows(segment, before)
    const progress = { tracks, cursor }
    const step: RoundStep = { segment, next: news.segments[index + 1], progress, isContinuous, beganMs }
    const handled = await handleSegment({ step, fetched, state, news }, inspector, context)
    if ('pending' in handled) return { isAfterGap: state.isAfterGap, pending: handled.pending }
    state = { cursor, ...handled }
  }
  return { isAfterGap: state.isAfterGap, pending: null }
}

/** Fetches a segment; `null` for one that is announced as missing or that only a licensed player can decrypt. */
async function fetchUnlessPassed(
  segment: StreamSegment,
  { ahead }: RoundState,
  context: MonitorContext,
): Promise<SegmentFetch | null> {
  if (segment.isGap === true || segment.encryption?.kind === 'drm') return null
  return ahead ?? (await fetchInTime(segment, context))
}

/** Reports whether a segment directly follows another of its playlist, by their numbers and without a discontinuity. */
function follows(segment: StreamSegment, before: StreamSegment): boolean {
  if (segment.discontinuity || before.isGap === true) return false
  return segment.sequence === null || before.sequence === null || segment.sequence === before.sequence + 1
}

type SegmentCase = {
  readonly step: RoundStep
  readonly fetched: SegmentFetch | null
  readonly state: RoundState
  readonly news: PlaylistNews
}

type HandledSegment = Omit<RoundState, 'cursor'> | { readonly pending: NonNullable<InspectionRound['pending']> }

async function handleSegment(
  { step, fetched, state, news }: SegmentCase,
  { probe }: RenditionInspector,
  context: MonitorContext,
): Promise<HandledSegment> {
  const { segment, progress, beganMs } = step
  if (fetched === null) return passBy(step, context)
  if (fetched.kind === 'failed') return await afterFailedFetch(step, fetched, news, context)
  if (news.isUnsure && isKnown(progress.cursor, state.cursor)) {
    context.monitor.observe({ kind: 'known', atMs: context.clock.nowMs(), progress })
    return { isAfterGap: state.isAfterGap, ahead: null }
  }
  const startMs = streamTimeMs(segment, news.playlist, news.atMs)
  const { isContinuous } = step
  const { isAfterGap } = state
  const inspection = { segment, fetched, beganMs, progress, startMs, isAfterGap, isContinuous, probe }
  return { isAfterGap: !(await inspectSegment(inspection, context)), ahead: null }
}

/** Passes a segment by that is announced as missing, or that only a licensed player can decrypt. */
function passBy({ segment, progress }: RoundStep, { monitor, clock }: MonitorContext): HandledSegment {
  const atMs = clock.nowMs()
  const { encryption } = segment
  if (encryption?.kind === 'drm' && segment.isGap !== true) {
    monitor.observe({ kind: 'encrypted', atMs, progress, method: encryption.method })
  } else {
    monitor.observe({ kind: 'skipped', atMs, progress, count: 1 })
  }
  return { isAfterGap: true, ahead: null }
}

/** Reports whether the newest segment of a cursor has the content of one that was read before it. */
function isKnown({ seen }: PlaylistCursor, before: PlaylistCursor | null): boolean {
  const content = seen.at(-1)?.content
  return content !== undefined && (before?.seen ?? []).some((each) => each.content === content)
}

/** Decides on a segment that could not be fetched: it is tried again, or given up. */
async function afterFailedFetch(
  step: RoundStep,
  { failure }: FailedSegmentFetch,
  { playlist, retry: before }: PlaylistNews,
  context: MonitorContext,
): Promise<HandledSegment> {
  const { segment, next, progress, beganMs } = step
  const { monitor, clock, log } = context
  const { message: error, failing = 'segment', retryAfterMs = 0 } = failure
  const retry = countAttempt(step, { error, failing }, before)
  const isLasting = clock.nowMs() - retry.sinceMs >= computePatienceMs(playlist, segment)
  const ahead = isLasting ? await fetchAhead(next, context) : null
  const atMs = clock.nowMs()
  const { tracks } = progress
  const fetchedAhead = ahead?.kind === 'ok' ? ahead : null
  if (fetchedAhead !== null || (isLasting && playlist.isEnded)) {
    log.warn('segment could not be fetched or decoded', { sequence: segment.sequence, sides: tracks, error })
    monitor.observe({ kind: 'segment_failed', atMs, beganMs, progress, error, failing })
    return { isAfterGap: true, ahead: fetchedAhead }
  }
  const dueMs = atMs + Math.max(computeRetryPauseMs(retry, playlist.targetDurationSec), retryAfterMs)
  monitor.observe({ kind: 'attempt_failed', atMs, tracks, beganMs, error, failing, untilMs: atMs + retryAfterMs })
  return { pending: { retry, dueMs } }
}

async function fetchAhead(next: StreamSegment | undefined, context: MonitorContext): Promise<SegmentFetch | null> {
  return next === undefined ? null : await fetchInTime(next, context)
}

function countAttempt(
  { segment, progress, beganMs }: RoundStep,
  failure: Pick<SegmentRetry, 'error' | 'failing'>,
  before: SegmentRetry | null,
): SegmentRetry {
  const key = identifySegment(segment)
  const { attempts, sinceMs } = before?.key === key ? before : { attempts: 0, sinceMs: beganMs }
  return { ...failure, key, cursor: progress.cursor, attempts: attempts + 1, sinceMs }
}

/** Returns the stream time of a segment's start: its program date-time, or else by its distance from the live edge. */
export function streamTimeMs(segment: StreamSegment, playlist: StreamPlaylist, fetchedAtMs: number): number {
  if (segment.programDateTimeMs !== null) return segment.programDateTimeMs
  const toEdge = playlist.segments.slice(playlist.segments.indexOf(segment))
  return fetchedAtMs - toEdge.reduce((sum, { durationSec }) => sum + durationSec * 1000, 0)
}
