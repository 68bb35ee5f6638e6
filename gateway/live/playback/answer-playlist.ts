import type { Context as HonoContext } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, invalidField } from '../../errors.ts'
import { answerMedia } from '../../media/routes.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { mayPlay } from './access.ts'
import { LONGEST_RELOAD_MS, notPlayable, windowOf, type Playback } from './playback.ts'
import { formatMaster, formatMedia } from './playlist.ts'
import { hasPosition, isTooFar, type PlaylistPosition } from './playlist-position.ts'
import { MONITOR_QUERY, newViewerId, viewerIdOf } from './viewer-id.ts'
import type { PlaylistWindow } from './playlist-window.ts'
import type { PlayedStream } from './windows.ts'

/** How long the first segment of a broadcast is waited for, in ms. */
const FIRST_SEGMENT_MS = 8000
/** Segments of a playlist for a moving picture in a list. */
const PREVIEW_SEGMENTS = 5
/**
 * How long a reload waits while the live worker is away, in ms: hls.js ends a blocked one after 0.8 target durations, and
 * then changes the rendition.
 */
const WITHOUT_WORKER_MS = 1200
/** The query of a rendition that is a recording from its beginning, and no longer a window. */
const FROM_QUERY = 'from'
const FROM_START = '0'

/**
 * Answers with the multivariant playlist of a broadcast. Before its first segment, that is waited for.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function answerMaster(playback: Playback, c: HonoContext): Promise<Response> {
  const { context } = playback
  const { runs, recording, ...shown } = await openStarted(playback, c)
  const { streamId } = shown.stream
  const token = c.req.query('token')
  const query = new URLSearchParams(token === undefined ? {} : { token })
  // The monitor of a broadcast is no viewer.
  if (c.req.query(MONITOR_QUERY) === undefined) {
    query.set('viewer', viewerIdOf(context, c, streamId) ?? newViewerId(context, streamId))
  }
  // The playlists of viewers who were there at the end keep their window.
  if (recording !== null) query.set(FROM_QUERY, FROM_START)
  const suffix = query.size === 0 ? '' : `?${query.toString()}`
  return answerPlaylist(
    c,
    new TextEncoder().encode(formatMaster({ segments: recording ?? shown.segments, runs }, suffix)),
  )
}

/**
 * Answers with the playlist of a rendition; `_HLS_msn` and `_HLS_part` are waited for; `preview` has the
 * newest segments only.
 * @throws BrokenRule STREAM_NOT_FOUND, INVALID_CONFIG, PLAYLIST_LATE
 */
export async function answerRendition(playback: Playback, c: HonoContext): Promise<Response> {
  const opened = await openStarted(playback, c)
  const { streamId, state } = opened.stream
  const rung = (c.req.param('rung') ?? '').replace('.m3u8', '')
  const viewerId = viewerIdOf(playback.context, c, streamId)
  if (viewerId !== null && isOnAir(state)) playback.leases.seePlayer({ streamId, viewerId })
  // A moving picture of a list: a few seconds, and no viewer.
  if (c.req.query('preview') !== undefined) {
    const newest = { ...opened, segments: opened.segments.slice(-PREVIEW_SEGMENTS), feed: null }
    return answerPlaylist(c, new TextEncoder().encode(formatMedia(windowOf(playback, newest), rung, false)))
  }
  // Where nothing more comes, nothing is waited for (RFC 8216bis §6.2.5.2).
  const position = opened.stream.closedAt === null ? positionOf(c) : null
  const current = position === null ? opened : await reload(playback, c, { opened, rung, position })
  const isDelta = c.req.query('_HLS_skip') === 'YES'
  const window = windowOf(playback, current, c.req.query(FROM_QUERY) === FROM_START)
  return answerPlaylist(c, playback.playlists.format(window, { streamId, rung, isDelta }))
}

/** Returns a broadcast that a request may play, with its first segments. */
async function openStarted(playback: Playback, c: HonoContext): Promise<PlayedStream> {
  const { context, checks, played } = playback
  const id = c.req.param('id') ?? ''
  if (!UUID.test(id)) throw notPlayable('there is no broadcast of this id')
  playback.limitUnplayed(c, id)
  const found = await played.read(id)
  if (found === null || !(await mayPlay({ context, checks }, found.stream, c.req.query('token')))) {
    throw notPlayable('there is no broadcast of this id, or its address has expired')
  }
  const started = found.segments.length > 0 ? found : await waitForFirstSegment(playback, c, found)
  if (started === null) throw notPlayable('this broadcast has no segment yet; try again')
  return started
}

/** Returns a broadcast once it has a segment; `null` where that does not come within `FIRST_SEGMENT_MS`. */
async function waitForFirstSegment(
  { played, isClosing }: Playback,
  c: HonoContext,
  { stream }: PlayedStream,
): Promise<PlayedStream | null> {
  const { streamId } = stream
  const deadline = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(FIRST_SEGMENT_MS)])
  for (;;) {
    const current = await played.read(streamId)
    if (current === null || current.segments.length > 0) return current
    if (!isOnAir(current.stream.state) || deadline.aborted || isClosing()) return null
    await played.waitForChange(streamId, deadline)
  }
}

type Reload = { readonly opened: PlayedStream; readonly rung: string; readonly position: PlaylistPosition }

/**
 * Waits until a playlist has a position, also while its worker is replaced, and no longer than `LONGEST_RELOAD_MS`.
 * @throws BrokenRule INVALID_CONFIG where it is too far ahead, PLAYLIST_LATE where it did not come in time
 */
async function reload(playback: Playback, c: HonoContext, { opened, rung, position }: Reload): Promise<PlayedStream> {
  const { streamId } = opened.stream
  requireNearby(windowOf(playback, opened), rung, position)
  const deadline = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(LONGEST_RELOAD_MS)])
  const withoutWorkerUntilMs = Date.now() + WITHOUT_WORKER_MS
  let current = opened
  const isThere = () => hasPosition(windowOf(playback, current), rung, position)
  while (!deadline.aborted && !playback.isClosing() && !isThere()) {
    if (current.feed?.isOpen() === false && Date.now() >= withoutWorkerUntilMs) break
    await playback.played.waitForChange(streamId, deadline)
    current = (await playback.played.read(streamId)) ?? current
  }
  if (deadline.aborted && !isThere()) requireNoEncoder(current.stream)
  return current
}

/** Requires that a player may wait for a position. @throws BrokenRule INVALID_CONFIG where it is too far ahead */
function requireNearby(window: PlaylistWindow, rung: string, position: PlaylistPosition): void {
  if (!isTooFar(window, rung, position)) return
  throw invalidField('_HLS_msn', 'and _HLS_part must not be so far ahead of the playlist')
}

/**
 * Requires that nothing can come, so that players go on with the playlist that there is.
 * @throws BrokenRule PLAYLIST_LATE where an encoder publishes
 */
function requireNoEncoder({ state }: PlayedStream['stream']): void {
  if (state === 'live') throw new BrokenRule(LIVE_ERRORS.PLAYLIST_LATE, 'the next picture is late; try again')
}

/**
 * Returns the position of a reload; `null` for none.
 * @throws BrokenRule INVALID_CONFIG where there is `_HLS_part` only, or one is no whole number
 */
function positionOf(c: HonoContext): PlaylistPosition | null {
  const [seq, part] = [numberOf(c, '_HLS_msn'), numberOf(c, '_HLS_part')]
  if (seq === null && part !== null) throw invalidField('_HLS_part', 'must come with _HLS_msn')
  return seq === null ? null : { seq, part }
}

function numberOf(c: HonoContext, name: string): number | null {
  const text = c.req.query(name)
  if (text === undefined) return null
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw invalidField(name, 'must be a whole number')
}

const PLAYLIST_HEADERS = { 'Content-Type': 'application/vnd.apple.mpegurl', 'Cache-Control': 'no-store' }

function answerPlaylist(c: HonoContext, body: Uint8Array<ArrayBuffer>): Response {
  return answerMedia(c, { headers: PLAYLIST_HEADERS, body })
}
