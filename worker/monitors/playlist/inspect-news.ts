/**
 * Inspects the new segments of a fetched playlist in order. A segment that cannot be fetched stops the round: the playlist
 * is fetched again before the next attempt, so that the segment is tried for as long as it is listed and never held on to
 * after it has left. It is passed by earlier only where it stays lost while a newer one can be fetched, with all others that
 * are lost before that one.
 */

import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { RenditionProgress } from '../state/observation.ts'
import { advanceCursor, forgetOldName, type NewSegments } from '../state/playlist-cursor.ts'
import type { PlaylistCursor } from '../state/segment-identity.ts'
import { hashContent, hashPath } from '../state/segment-identity.ts'
import type { FailedSegmentFetch, SegmentFetch, StreamPlaylist, StreamRendition, StreamSegment } from '../stream.ts'
import { fetchMedia } from './fetch-media.ts'
import { inspectSegment } from './inspect-segment.ts'
import {
  computePatienceMs,
  computeRetryPauseMs,
  computeWaitMs,
  identifySegment,
  type SegmentRetry,
} from './segment-retry.ts'
import { follows, streamTimeMs } from './stream-time.ts'
import type { ConfirmTracks } from './track-survey.ts'

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
  readonly gaps: SegmentGaps | null
  /** Time of the fetch, in ms since 1970. */
  readonly atMs: number
}

/** Segments in a row that are announced as missing (EXT-X-GAP). `sinceMs`: when the first was read, in ms since 1970. */
export type SegmentGaps = { readonly sinceMs: number; readonly count: number }

export type InspectionRound = {
  /** The next segment does not directly follow the last one that was analyzed. */
  readonly isAfterGap: boolean
  /** The segment to try again, and when, in ms since 1970. */
  readonly pending: { readonly retry: SegmentRetry; readonly dueMs: number } | null
  /** The newest segments, where they are announced as missing. */
  readonly gaps: SegmentGaps | null
  /** There was a segment that is not known under another name. */
  readonly isNews: boolean
}

type RenditionInspector = {
  readonly rendition: StreamRendition
  readonly probe: SegmentProbe
  readonly confirm: ConfirmTracks
}

/** What changes from segment to segment within a round. */
type RoundState = {
  readonly cursor: PlaylistCursor | null
  readonly isAfterGap: boolean
  /** A later segment, where it was fetched to decide on those before it. */
  readonly ahead: AheadSegment | null
  readonly gaps: SegmentGaps | null
  readonly isNews: boolean
}

type AheadSegment = { readonly segment: StreamSegment; readonly fetched: SegmentFetch }

/** One segment of a round. */
type RoundStep = {
  readonly segment: StreamSegment
  /** Those that follow it in the round. */
  readonly following: readonly StreamSegment[]
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
  const { isAfterGap, gaps } = news
  let state: RoundState = { cursor: news.before, isAfterGap, ahead: null, gaps, isNews: false }
  for (const [index, segment] of news.segments.entries()) {
    if (context.lifetime.stopping.aborted) break
    const beganMs = context.clock.nowMs()
    const fetched = await fetchUnlessPassed(segment, { state, news }, context)
    if (context.lifetime.stopping.aborted) break
    const cursor = advanceAfter({ segment, fetched, first }, state.cursor, news)
    const before = news.segments[index - 1]
    const isContinuous = before === undefined ? news.isContinuous : follows(segment, before)
    const progress = { tracks, cursor }
    const following = news.segments.slice(index + 1)
    const step: RoundStep = { segment, following, progress, isContinuous, beganMs }
    const handled = await handleSegment({ step, fetched, state, news }, inspector, context)
    if ('end' in handled) return handled.end
    state = { cursor, ...handled }
  }
  return { isAfterGap: state.isAfterGap, pending: null, gaps: state.gaps, isNews: state.isNews }
}

type TriedSegment = Pick<RoundStep, 'segment'> & {
  readonly fetched: SegmentFetch | null
  readonly first: number | null
}

/** Returns the cursor after a segment. A new one that only its content distinguishes shows that names recur. */
function advanceAfter(
  { segment, fetched, first }: TriedSegment,
  before: PlaylistCursor | null,
  { isUnsure }: PlaylistNews,
): PlaylistCursor {
  const content = fetched?.kind === 'ok' ? hashContent(fetched.bytes) : null
  const cursor = advanceCursor(before, segment, { first, content })
  const isRecurrent = isUnsure && segment.sequence === null && content !== null && !isKnown(cursor, before)
  return isRecurrent ? { ...cursor, isUncounted: true } : cursor
}

/** Fetches a segment that is not passed by. One that is not to be tried yet has the failure of its last attempt. */
async function fetchUnlessPassed(
  segment: StreamSegment,
  { state: { ahead }, news: { retry } }: Pick<SegmentCase, 'state' | 'news'>,
  context: MonitorContext,
): Promise<SegmentFetch | null> {
  if (isPassedBy(segment)) return null
  if (ahead?.segment === segment) return ahead.fetched
  const waiting = findWaitingRetry(segment, retry, context.clock.nowMs())
  if (waiting === null) return await fetchMedia(segment, context)
  return { kind: 'failed', failure: { message: waiting.error, status: null, failing: waiting.failing } }
}

/** Returns whether a segment is announced as missing, or only a licensed player can decrypt it. */
function isPassedBy({ isGap, encryption }: StreamSegment): boolean {
  return isGap === true || encryption?.kind === 'drm'
}

/** Returns the retry of a segment that is not to be tried yet, as its server has asked; `null` for any other segment. */
function findWaitingRetry(segment: StreamSegment, retry: SegmentRetry | null, nowMs: number): SegmentRetry | null {
  return retry?.key === identifySegment(segment) && nowMs < retry.notBeforeMs ? retry : null
}

type SegmentCase = {
  readonly step: RoundStep
  readonly fetched: SegmentFetch | null
  readonly state: RoundState
  readonly news: PlaylistNews
}

/** What follows a segment: the next one, or the end of the round. */
type HandledSegment =
  | (Omit<RoundState, 'cursor'> & { readonly cursor?: PlaylistCursor })
  | { readonly end: InspectionRound }

async function handleSegment(
  { step, fetched, state, news }: SegmentCase,
  { probe, confirm, rendition: { declared = [] } }: RenditionInspector,
  context: MonitorContext,
): Promise<HandledSegment> {
  const { segment, progress, beganMs } = step
  const ahead = state.ahead?.segment === segment ? null : state.ahead
  if (fetched === null) return { ...passBy(step, state.gaps, context), ahead, isNews: true }
  if (fetched.kind === 'failed') return await afterFailedFetch({ step, fetched, state, news }, context)
  if (news.isUnsure && isKnown(progress.cursor, state.cursor)) {
    const cursor = forgetOldName(progress.cursor)
    context.monitor.observe({ kind: 'known', atMs: context.clock.nowMs(), progress: { ...progress, cursor } })
    return { cursor, isAfterGap: state.isAfterGap, ahead, gaps: null, isNews: state.isNews }
  }
  const startMs = streamTimeMs(segment, news.playlist, news.atMs)
  const [{ isContinuous }, { isAfterGap }] = [step, state]
  const inspection = {
    segment,
    fetched,
    beganMs,
    progress,
    startMs,
    isAfterGap,
    isContinuous,
    probe,
    confirm,
    declared,
  }
  const result = await inspectSegment(inspection, context)
  return result === 'dismissed'
    ? { end: { isAfterGap: true, pending: null, gaps: null, isNews: state.isNews } }
    : { isAfterGap: result !== 'analyzed', ahead, gaps: null, isNews: true }
}

/** Passes a segment by that is announced as missing, or that only a licensed player can decrypt. */
function passBy(
  { segment, progress }: RoundStep,
  before: SegmentGaps | null,
  { monitor, clock }: MonitorContext,
): Pick<RoundState, 'isAfterGap' | 'gaps'> {
  const atMs = clock.nowMs()
  const { encryption } = segment
  if (encryption?.kind === 'drm' && segment.isGap !== true) {
    monitor.observe({ kind: 'encrypted', atMs, progress, method: encryption.method })
    return { isAfterGap: true, gaps: null }
  }
  monitor.observe({ kind: 'skipped', atMs, progress, count: 1, isGap: true })
  return { isAfterGap: true, gaps: { sinceMs: before?.sinceMs ?? atMs, count: (before?.count ?? 0) + 1 } }
}

/** Reports whether the newest segment of a cursor has the content of one that was read before it. */
function isKnown({ seen }: PlaylistCursor, before: PlaylistCursor | null): boolean {
  const content = seen.at(-1)?.content
  return content !== undefined && (before?.seen ?? []).some((each) => each.content === content)
}

type FailedSegment = SegmentCase & { readonly fetched: FailedSegmentFetch }

/** Decides on a segment that could not be fetched: it is tried again, or given up. */
async function afterFailedFetch(failed: FailedSegment, context: MonitorContext): Promise<HandledSegment> {
  const { step, fetched, news } = failed
  const { segment, progress, beganMs } = step
  const { monitor, clock, log } = context
  const { message: error, failing = 'segment', retryAfterMs = 0 } = fetched.failure
  const waiting = findWaitingRetry(segment, news.retry, beganMs)
  const notBeforeMs = clock.nowMs() + retryAfterMs
  const retry = waiting ?? countAttempt(step, { error, failing, notBeforeMs }, news.retry)
  const { isLost, ahead } = await decideLoss(failed, retry, context)
  const atMs = clock.nowMs()
  const { tracks } = progress
  if (isLost) {
    log.warn('segment could not be fetched or decoded', { sequence: segment.sequence, sides: tracks, error })
    monitor.observe({ kind: 'segment_failed', atMs, beganMs, progress, error, failing })
    return { isAfterGap: true, ahead, gaps: null, isNews: true }
  }
  if (waiting === null) {
    monitor.observe({ kind: 'attempt_failed', atMs, tracks, beganMs, error, failing, untilMs: atMs + retryAfterMs })
  }
  const pending = { retry, dueMs: nextAttemptMs(retry, { segment, playlist: news.playlist, atMs }) }
  const { isAfterGap, gaps, isNews } = failed.state
  return { end: { isAfterGap, pending, gaps, isNews } }
}

/** Returns when the playlist is fetched again for a segment that failed: at the latest when it has failed for long enough. */
function nextAttemptMs(
  retry: SegmentRetry,
  { segment, playlist, atMs }: Pick<PlaylistNews, 'playlist' | 'atMs'> & { readonly segment: StreamSegment },
): number {
  const { targetDurationSec } = playlist
  const pauseMs = computeRetryPauseMs(retry, targetDurationSec)
  const isAsked = retry.notBeforeMs > atMs + pauseMs
  const dueMs = atMs + (isAsked ? computeWaitMs(retry.notBeforeMs, atMs, targetDurationSec) : pauseMs)
  const lostMs = retry.sinceMs + computePatienceMs(playlist, segment)
  return atMs < lostMs ? Math.min(dueMs, lostMs) : dueMs
}

type LossDecision = { readonly isLost: boolean; readonly ahead: AheadSegment | null }

/**
 * Decides whether a segment is given up: once it has failed for long enough, and a later one can be fetched or none can come.
 * What is no media is given up after a target duration, since it is not likely to change; what cannot be fetched, at once.
 */
async function decideLoss(
  { step, fetched, state: { ahead }, news: { playlist } }: FailedSegment,
  retry: SegmentRetry,
  context: MonitorContext,
): Promise<LossDecision> {
  if (ahead !== null || fetched.failure.isFinal === true) return { isLost: true, ahead }
  const failedMs = context.clock.nowMs() - retry.sinceMs
  const isNoMedia = fetched.failure.isNoMedia === true
  if (isNoMedia) return { isLost: failedMs >= playlist.targetDurationSec * 1000 || playlist.isEnded, ahead: null }
  if (failedMs < computePatienceMs(playlist, step.segment)) return { isLost: false, ahead: null }
  const found = await fetchAhead(step, context)
  return { isLost: found !== null || playlist.isEnded, ahead: found }
}

/** Fetches the next segment that is not passed by or, where it is lost too, the newest one; `null`: neither can be fetched. */
async function fetchAhead({ following }: RoundStep, context: MonitorContext): Promise<AheadSegment | null> {
  const expected = following.filter((segment) => !isPassedBy(segment) && segment.isUnusable !== true)
  for (const segment of new Set([...expected.slice(0, 1), ...expected.slice(-1)])) {
    const fetched = await fetchMedia(segment, context)
    if (fetched.kind === 'ok') return { segment, fetched }
  }
  return null
}

function countAttempt(
  { segment, progress, beganMs }: RoundStep,
  failure: Pick<SegmentRetry, 'error' | 'failing' | 'notBeforeMs'>,
  before: SegmentRetry | null,
): SegmentRetry {
  const key = identifySegment(segment)
  const { attempts, sinceMs } = before?.key === key ? before : { attempts: 0, sinceMs: beganMs }
  return { ...failure, key, path: hashPath(segment), cursor: progress.cursor, attempts: attempts + 1, sinceMs }
}
