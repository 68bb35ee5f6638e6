import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { advanceOver, findNewSegments, findSegmentsByPath, type NewSegments } from '../state/playlist-cursor.ts'
import { afterNothingNew, isMoving, type PlaylistMotion } from '../state/playlist-motion.ts'
import { hashPath, type PlaylistCursor } from '../state/segment-identity.ts'
import { isStalled } from '../state/stall.ts'
import type { StreamPlaylist, StreamRendition, StreamSegment, TrackSelection } from '../stream.ts'
import { type ContentReader, createContentReader, leaveOutKnown } from './leave-out-known.ts'
import { type InspectionRound, inspectNews, type SegmentGaps } from './inspect-news.ts'
import { findUsualSec } from './parse-playlist.ts'
import { identifySegment, renewRetry, type SegmentRetry } from './segment-retry.ts'
import { selectSegments } from './select-segments.ts'
import { mayFollowGap, streamTimeMs } from './stream-time.ts'
import type { ConfirmTracks } from './track-survey.ts'

/** What is known of a rendition from its last poll. */
type RenditionReader = {
  readonly rendition: StreamRendition
  readonly probe: SegmentProbe
  readonly confirm: ConfirmTracks
  readonly last: {
    readonly isLate: boolean
    readonly isAfterGap: boolean
    readonly retry: SegmentRetry | null
    readonly gaps: SegmentGaps | null
    readonly motion: PlaylistMotion | null
    readonly repetition: PlaylistMotion | null
  }
}

/** What a fetched playlist had to read. */
export type ReadNews = {
  readonly hasNew: boolean
  readonly round: InspectionRound
  readonly motion: PlaylistMotion | null
  readonly repetition: PlaylistMotion | null
  /** Analysis of the segments took longer than they last. */
  readonly isLate: boolean
}

/** Observes a playlist that was fetched at `atMs`, in ms since 1970, and inspects its new segments. */
export async function readPlaylistNews(
  playlist: StreamPlaylist,
  { poller, atMs }: { readonly poller: RenditionReader; readonly atMs: number },
  context: MonitorContext,
): Promise<ReadNews> {
  const { clock } = context
  const { last, rendition } = poller
  const wasStalled = isRenditionStalled(rendition.tracks, context)
  const fetched = { playlist, poller, atMs, readContent: createContentReader(context) }
  const { news, motion, repetition, retry, isRetryLost } = await decideNews(fetched, context)
  const isContinuous = isUnbroken(news)
  const observe = ({ fresh }: Pick<NewSegments, 'fresh'>) =>
    observePlaylist(playlist, { fresh, isContinuous, atMs, tracks: rendition.tracks }, context)
  if (!news.isUnsure) observe(news)
  const { segments, omittedCount, passed } = selectAndSkip(news, playlist, poller, context)
  const isSevered = news.skipped + omittedCount > 0 || isRetryLost || (wasStalled && !isResumed(news))
  const isNext = isContinuous && !wasStalled && omittedCount === 0
  const beganMs = clock.nowMs()
  const round = await inspectNews(
    {
      playlist,
      segments,
      before: passed,
      isContinuous: isNext,
      isUnsure: news.isUnsure,
      isAfterGap: last.isAfterGap || isSevered,
      retry,
      gaps: last.gaps,
      atMs,
    },
    poller,
    context,
  )
  // Known segments under other names are none that are new: the playlist may stand still.
  if (news.isUnsure) observe(round.isNews ? news : { fresh: [] })
  const tookMs = clock.nowMs() - beganMs
  return { hasNew: news.fresh.length > 0, round, motion, repetition, isLate: isLate(segments, round, tookMs) }
}

type FetchedPlaylist = {
  readonly playlist: StreamPlaylist
  readonly poller: RenditionReader
  readonly atMs: number
  readonly readContent: ContentReader
}

/** What is new in a playlist. `isByPath`: its paths decided, against its numbers and times. */
type FoundNews = {
  readonly news: NewSegments
  readonly motion: PlaylistMotion | null
  readonly repetition: PlaylistMotion | null
  readonly isByPath: boolean
}

/** What is new, and the segment that is tried again. `isRetryLost`: one that was to be tried has left the playlist. */
type DecidedNews = FoundNews & { readonly retry: SegmentRetry | null; readonly isRetryLost: boolean }

/** Finds what is new in a playlist, and drops a segment that left it before it could be fetched. */
async function decideNews(fetched: FetchedPlaylist, context: MonitorContext): Promise<DecidedNews> {
  const found = await findNews(fetched, context)
  const retry = dropLeftRetry(found, fetched, context)
  const isRetryLost = fetched.poller.last.retry !== null && retry === null
  // Once it is passed by, others may be new.
  return { ...(isRetryLost ? await findNews(fetched, context) : found), retry, isRetryLost }
}

/** Finds what is new in a playlist; in one that moves and never has anything new, what its paths show. */
async function findNews(
  { playlist, poller: { rendition, last }, atMs, readContent }: FetchedPlaylist,
  context: MonitorContext,
): Promise<FoundNews> {
  const cursor = positionOf(rendition.tracks, context)
  const all = findNewSegments(playlist, cursor)
  const before = { playlist, cursor, readContent, repetition: last.repetition, atMs }
  const found = { ...(await leaveOutKnown(all, before)), motion: null, isByPath: false }
  if (all.fresh.length > 0) return found
  const motion = afterNothingNew(last.motion, playlist, { cursor, atMs })
  if (!isMoving(motion, playlist.targetDurationSec, atMs)) return { ...found, motion }
  context.log.warn('numbers or program times of a playlist are wrong: new segments are found by their paths', {
    sides: rendition.tracks,
  })
  return { ...found, news: findSegmentsByPath(playlist, cursor), isByPath: true }
}

/** Reports whether new segments directly follow the last one that was read, in the playlist and in the media. */
function isUnbroken({ isContinuous, fresh: [first], skipped }: NewSegments): boolean {
  return isContinuous && (first === undefined || !mayFollowGap(first)) && skipped === 0
}

/** Reports whether new segments after a stall follow those before it on the same time line. */
function isResumed(news: NewSegments): boolean {
  return isUnbroken(news) && news.fresh[0]?.discontinuity !== true
}

/** Reports whether a round took longer than its segments last, other than by waiting for one. */
function isLate(segments: readonly StreamSegment[], { pending }: InspectionRound, tookMs: number): boolean {
  return segments.length > 0 && pending === null && tookMs > mediaMs(segments)
}

function isRenditionStalled(tracks: TrackSelection, { monitor }: MonitorContext): boolean {
  const { phase } = monitor.state()
  return phase.kind === 'monitoring' && isStalled(phase.flow, tracks)
}

function positionOf(tracks: TrackSelection, { monitor }: MonitorContext): PlaylistCursor | null {
  return monitor.state().positions[tracks] ?? null
}

function mediaMs(segments: readonly StreamSegment[]): number {
  return segments.reduce((sum, { durationSec }) => sum + durationSec * 1000, 0)
}

type ObservedNews = Pick<NewSegments, 'fresh'> & {
  readonly isContinuous: boolean
  readonly atMs: number
  readonly tracks: TrackSelection
}

function observePlaylist(
  playlist: StreamPlaylist,
  { fresh: [first], isContinuous, atMs, tracks }: ObservedNews,
  { monitor }: MonitorContext,
): void {
  monitor.observe({
    kind: 'playlist',
    atMs,
    tracks,
    targetDurationSec: Math.max(playlist.targetDurationSec, findUsualSec(playlist.segments) ?? 0),
    firstStartMs: first === undefined ? null : streamTimeMs(first, playlist, atMs),
    isContinuous,
    isEnded: playlist.isEnded,
  })
}

/** Drops a segment that left the playlist before it could be fetched. Returns the retry if it is still listed. */
function dropLeftRetry(
  { news, isByPath }: FoundNews,
  { playlist, poller }: Pick<FetchedPlaylist, 'playlist' | 'poller'>,
  { monitor, clock, log }: MonitorContext,
): SegmentRetry | null {
  const { tracks } = poller.rendition
  const { retry } = poller.last
  const [first] = news.fresh
  if (retry === null || first === undefined || isByPath) return retry
  const renewed = renewRetry(retry, first, playlist)
  if (renewed !== null) return renewed
  // Another origin lists it under another name: it follows the last segment that was read.
  if (news.isContinuous) return { ...retry, key: identifySegment(first), path: hashPath(first) }
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

/** The new segments to inspect, and the cursor before them. */
type PassedSelection = ReturnType<typeof selectSegments> & { readonly passed: PlaylistCursor | null }

/** Selects the new segments to inspect, and observes those that are left out or have left the playlist unread. */
function selectAndSkip(
  news: NewSegments,
  { segments: [first] }: StreamPlaylist,
  { rendition: { tracks }, last }: RenditionReader,
  context: MonitorContext,
): PassedSelection {
  const { monitor, config, clock, log } = context
  const isOverrun = news.skipped > 0 && last.isLate
  const selection = selectSegments(news.fresh, config, isOverrun)
  const { omittedCount } = selection
  const passed = advanceOver(news.before, news.fresh.slice(0, omittedCount), first?.sequence ?? null)
  const count = news.skipped + omittedCount
  if (count > 0 && passed !== null && positionOf(tracks, context) !== null) {
    monitor.observe({ kind: 'skipped', atMs: clock.nowMs(), progress: { tracks, cursor: passed }, count })
    log.warn('segments skipped', { sides: tracks, missed: news.skipped, passed: omittedCount, is_overrun: isOverrun })
  }
  return { ...selection, passed }
}
