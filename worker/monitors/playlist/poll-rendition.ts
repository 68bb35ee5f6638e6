import type { FetchFailure } from '../../platform/http.ts'
import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { advanceOver, findNewSegments, type NewSegments } from '../state/playlist-cursor.ts'
import { isStalled } from '../state/stall.ts'
import type { StreamPlaylist, StreamRendition, UnreadLines } from '../stream.ts'
import { inspectNews, streamTimeMs } from './inspect-news.ts'
import { findUsualSec } from './parse-playlist.ts'
import { computePollIntervalMs, computeRetryIntervalMs } from './poll-interval.ts'
import { fetchReloaded, INITIAL_RELOAD, type ReloadState } from './reload-playlist.ts'
import { identifySegment, type SegmentRetry } from './segment-retry.ts'
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
  /** Failed fetches of the playlist in a row, and the error of the last one. */
  readonly failures: number
  readonly error: string | null
  /** The playlist's URL is gone: 403, 404 or 410. */
  readonly isUrlDead: boolean
  /** The fetch had nothing new. */
  readonly isWaiting: boolean
  /** Every segment before the playlist's EXT-X-ENDLIST was handled. */
  readonly isOver: boolean
  /** Analysis of the segments took longer than they last. */
  readonly isLate: boolean
  /** The next segment does not directly follow the last analyzed one: one was not analyzed, or the playlist stalled. */
  readonly isAfterGap: boolean
  /** A segment that could not be fetched yet. */
  readonly retry: SegmentRetry | null
  readonly reload: ReloadState
  /** Kinds of unreadable lines that were logged. */
  readonly loggedLines: ReadonlySet<string>
}

/** Result before the first poll, which is due at once. */
export const INITIAL_POLL_RESULT: PollResult = {
  dueMs: -Infinity,
  failures: 0,
  error: null,
  isUrlDead: false,
  isWaiting: false,
  isOver: false,
  isLate: false,
  isAfterGap: false,
  retry: null,
  reload: INITIAL_RELOAD,
  loggedLines: new Set(),
}

/** Fetches a rendition's playlist and inspects its new segments in order. Starts none once the worker is stopping. */
export async function pollRendition(poller: RenditionPoller, context: MonitorContext): Promise<PollResult> {
  const { rendition, last } = poller
  const { monitor, clock, lifetime, log } = context
  const { tracks } = rendition
  const beganMs = clock.nowMs()
  const { fetched, reload } = await fetchReloaded(rendition, last.reload, context)
  const atMs = clock.nowMs()
  if (lifetime.stopping.aborted) return last
  if (fetched.kind === 'failed') {
    const { message: error, retryAfterMs = 0 } = fetched.failure
    if (last.failures === 0) log.warn('playlist could not be fetched, retrying', { sides: tracks, error })
    monitor.observe({ kind: 'playlist_failed', atMs, beganMs, tracks, error, untilMs: atMs + retryAfterMs })
    return afterFailedPoll({ ...last, reload }, fetched.failure, atMs)
  }
  if (last.failures > 0) log.info('playlist fetched after failures', { sides: tracks, failures: last.failures })
  const { playlist, bytes, unread } = fetched
  const loggedLines = logUnreadLines(unread, poller, context)
  const { news, round, analyzedLate } = await readNews(playlist, { poller, atMs }, context)
  const hasNew = news.fresh.length > 0
  const poll = { playlist, hasNew, wasWaiting: last.isWaiting, bytes, isBlocking: reload.isBlocking }
  return {
    ...INITIAL_POLL_RESULT,
    dueMs: round.pending?.dueMs ?? atMs + computePollIntervalMs(poll, context.config),
    isWaiting: !hasNew,
    isOver: playlist.isEnded && !lifetime.stopping.aborted && round.pending === null,
    isLate: analyzedLate,
    isAfterGap: round.isAfterGap,
    retry: round.pending?.retry ?? (hasNew ? null : last.retry),
    reload,
    loggedLines,
  }
}

function afterFailedPoll(last: PollResult, failure: FetchFailure, atMs: number): PollResult {
  const { status, message: error, retryAfterMs = 0 } = failure
  const failures = last.failures + 1
  const isUrlDead = status === 403 || status === 404 || status === 410
  const pauseMs = Math.max(computeRetryIntervalMs(failures, Math.random), retryAfterMs)
  return { ...last, failures, error, isUrlDead, dueMs: atMs + pauseMs }
}

/** Logs each kind of unreadable line once. Returns the kinds that were logged so far. */
function logUnreadLines(
  unread: UnreadLines | undefined,
  { rendition, last }: RenditionPoller,
  { log }: MonitorContext,
): ReadonlySet<string> {
  const fresh = [...(unread ?? [])].filter(([kind]) => !last.loggedLines.has(kind))
  for (const [kind, count] of fresh) log.warn('playlist lines skipped', { sides: rendition.tracks, kind, count })
  return fresh.length === 0 ? last.loggedLines : new Set([...last.loggedLines, ...fresh.map(([kind]) => kind)])
}

/** The poller and the time of its fetch, in ms since 1970. */
type FetchedAt = { readonly poller: RenditionPoller; readonly atMs: number }

/** Observes a fetched playlist and inspects its new segments. */
async function readNews(playlist: StreamPlaylist, { poller, atMs }: FetchedAt, context: MonitorContext) {
  const { monitor, clock } = context
  const { rendition, last } = poller
  const { tracks } = rendition
  const { phase } = monitor.state()
  const wasStalled = phase.kind === 'monitoring' && isStalled(phase.flow, tracks)
  const retry = dropLeftRetry(playlist, poller, context)
  const news = findNewSegments(playlist, monitor.state().positions[tracks] ?? null)
  const [first] = news.fresh
  const isContinuous = news.isContinuous && first?.discontinuity !== true && news.skipped === 0
  const firstStartMs = first === undefined ? null : streamTimeMs(first, playlist, atMs)
  const targetDurationSec = Math.max(playlist.targetDurationSec, findUsualSec(playlist.segments) ?? 0)
  const { isEnded } = playlist
  monitor.observe({ kind: 'playlist', atMs, tracks, targetDurationSec, firstStartMs, isContinuous, isEnded })
  const { segments, omittedCount, passed } = selectAndSkip(news, playlist, { poller, context })
  const isSevered = news.skipped > 0 || omittedCount > 0 || retry !== last.retry || (wasStalled && !isContinuous)
  const beganMs = clock.nowMs()
  const round = await inspectNews(
    {
      playlist,
      segments,
      before: passed,
      isContinuous: isContinuous && !wasStalled && omittedCount === 0,
      isUnsure: news.isUnsure,
      isAfterGap: last.isAfterGap || isSevered,
      retry,
      atMs,
    },
    poller,
    context,
  )
  const mediaSec = segments.reduce((sum, { durationSec }) => sum + durationSec, 0)
  const analyzedLate = segments.length > 0 && round.pending === null && clock.nowMs() - beganMs > mediaSec * 1000
  return { news, round, analyzedLate }
}

/** Gives up a segment that left the playlist before it could be fetched. Returns the retry if it is still listed. */
function dropLeftRetry(
  playlist: StreamPlaylist,
  { rendition: { tracks }, last: { retry } }: RenditionPoller,
  { monitor, clock, log }: MonitorContext,
): SegmentRetry | null {
  if (retry === null) return null
  const [first] = findNewSegments(playlist, monitor.state().positions[tracks] ?? null).fresh
  if (first === undefined || identifySegment(first) === retry.key) return retry
  const { error, failing, cursor, sinceMs: beganMs } = retry
  log.warn('segment could not be fetched or decoded', { segment: retry.key, sides: tracks, error })
  monitor.observe({
    kind: 'segment_failed',
    atMs: clock.nowMs(),
    beganMs,
    progress: { tracks, cursor },
    error,
    failing,
  })
  return null
}

/** Selects the new segments to inspect, and observes those that are left out or have left the playlist unread. */
function selectAndSkip(
  news: NewSegments,
  playlist: StreamPlaylist,
  { poller: { rendition, last }, context }: { readonly poller: RenditionPoller; readonly context: MonitorContext },
) {
  const { monitor, config, clock, log } = context
  const { tracks } = rendition
  const isOverrun = news.skipped > 0 && last.isLate
  const selection = selectSegments(news.fresh, config, isOverrun)
  const count = news.skipped + selection.omittedCount
  const first = playlist.segments[0]?.sequence ?? null
  const passed = advanceOver(news.before, news.fresh.slice(0, selection.omittedCount), first)
  if (count > 0 && passed !== null && monitor.state().positions[tracks] !== undefined) {
    monitor.observe({ kind: 'skipped', atMs: clock.nowMs(), progress: { tracks, cursor: passed }, count })
    const passedCount = selection.omittedCount
    log.warn('segments skipped', { sides: tracks, missed: news.skipped, passed: passedCount, is_overrun: isOverrun })
  }
  return { ...selection, passed }
}
