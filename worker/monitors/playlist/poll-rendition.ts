import type { FetchFailure } from '../../platform/http.ts'
import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { PlaylistMotion } from '../state/playlist-motion.ts'
import type { MediaPlaylistFetch, RenditionChoice, StreamRendition, UnreadLines } from '../stream.ts'
import type { SegmentGaps } from './inspect-news.ts'
import { computePollIntervalMs, computeRetryIntervalMs } from './poll-interval.ts'
import { readPlaylistNews, type ReadNews } from './read-news.ts'
import { fetchReloaded, INITIAL_RELOAD, type ReloadState } from './reload-playlist.ts'
import type { SegmentRetry } from './segment-retry.ts'
import type { ConfirmTracks } from './track-survey.ts'

/** A rendition that is being monitored, and the result of its last poll. */
export type RenditionPoller = {
  readonly rendition: StreamRendition
  readonly probe: SegmentProbe
  readonly confirm: ConfirmTracks
  readonly last: PollResult
}

export type PollResult = {
  /** Time of the next poll, in ms since 1970. */
  readonly dueMs: number
  /** Failed fetches of the playlist in a row, and the error of the last one. */
  readonly failures: number
  readonly error: string | null
  /** Time of the first failed fetch in a row, in ms since 1970; `null` after a fetch. */
  readonly failedFromMs: number | null
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
  /** The newest segments, where they are announced as missing. */
  readonly gaps: SegmentGaps | null
  /** The playlist moves on, and seems to have nothing new. */
  readonly motion: PlaylistMotion | null
  /** How the playlist has moved since all of its new segments were ones that were read before. */
  readonly repetition: PlaylistMotion | null
  readonly reload: ReloadState
  /** The choices from now on, where the stream has other tracks than the rendition was chosen for. */
  readonly choices: readonly RenditionChoice[] | null
  /** Kinds of unreadable lines that were logged. */
  readonly loggedLines: ReadonlySet<string>
}

/** Result before the first poll, which is due at once. */
export const INITIAL_POLL_RESULT: PollResult = {
  dueMs: -Infinity,
  failures: 0,
  error: null,
  failedFromMs: null,
  isUrlDead: false,
  isWaiting: false,
  isOver: false,
  isLate: false,
  isAfterGap: false,
  retry: null,
  gaps: null,
  motion: null,
  repetition: null,
  reload: INITIAL_RELOAD,
  choices: null,
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
  // Their pollers read on from where this one was.
  if (fetched.choices !== undefined) return { ...last, reload, choices: fetched.choices }
  const loggedLines = logUnreadLines(fetched.unread, poller, context)
  const read = await readPlaylistNews(fetched.playlist, { poller, atMs }, context)
  return { ...toPollResult(fetched, { poller, read, atMs, reload }, context), loggedLines }
}

/** What a poll has read, beside its playlist. */
type PollReading = {
  readonly poller: RenditionPoller
  readonly read: ReadNews
  readonly atMs: number
  readonly reload: ReloadState
}

function toPollResult(
  { playlist, bytes }: Extract<MediaPlaylistFetch, { readonly kind: 'ok' }>,
  { poller: { last }, read, atMs, reload }: PollReading,
  { config, lifetime }: MonitorContext,
): PollResult {
  const { hasNew, round, motion, repetition, isLate } = read
  const { pending } = round
  const poll = { playlist, hasNew, wasWaiting: last.isWaiting, bytes, isBlocking: reload.isBlocking }
  return {
    ...INITIAL_POLL_RESULT,
    dueMs: pending === null ? atMs + computePollIntervalMs(poll, config) : pending.dueMs,
    isWaiting: !hasNew,
    isOver: playlist.isEnded && !lifetime.stopping.aborted && pending === null,
    isLate,
    isAfterGap: round.isAfterGap,
    gaps: round.gaps,
    motion,
    repetition,
    // A stale playlist without news does not end the wait for a segment.
    retry: pending === null && !hasNew ? last.retry : (pending?.retry ?? null),
    reload,
  }
}

function afterFailedPoll(last: PollResult, failure: FetchFailure, atMs: number): PollResult {
  const { status, message: error, retryAfterMs = 0 } = failure
  const failures = last.failures + 1
  const isUrlDead = status === 403 || status === 404 || status === 410
  const pauseMs = Math.max(computeRetryIntervalMs(failures, Math.random), retryAfterMs)
  return { ...last, failures, error, failedFromMs: last.failedFromMs ?? atMs, isUrlDead, dueMs: atMs + pauseMs }
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
