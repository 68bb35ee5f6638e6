import type { Context as HonoContext } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { allowAnyOrigin } from '../../media/routes.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { newCode } from '../new-code.ts'
import { mayPlay } from './access.ts'
import { LONGEST_RELOAD_MS, notPlayable, windowOf, type Playback } from './playback.ts'
import { formatMaster, formatMedia, hasPosition, type PlaylistPosition } from './playlist.ts'
import { viewerIdOf } from './viewer-id.ts'
import type { PlayedStream } from './windows.ts'

/** How long the first segment of a broadcast is waited for, in ms. */
const FIRST_SEGMENT_MS = 8000
/** How far a reload may be ahead, in segments (RFC 8216bis §6.2.5.2). */
const FARTHEST_RELOAD = 2

/**
 * Answers with the multivariant playlist of a broadcast. Before its first segment, that is waited for.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function answerMaster(playback: Playback, c: HonoContext): Promise<Response> {
  const { runs } = await openStarted(playback, c)
  const token = c.req.query('token')
  const viewer = viewerIdOf(c) ?? newCode()
  const query = new URLSearchParams(token === undefined ? { viewer } : { token, viewer })
  return answerText(c, formatMaster(runs, `?${query.toString()}`))
}

/**
 * Answers with the playlist of a rendition; `_HLS_msn` and `_HLS_part` are waited for.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function answerMedia(playback: Playback, c: HonoContext): Promise<Response> {
  const opened = await openStarted(playback, c)
  const { streamId, state } = opened.stream
  const rung = (c.req.param('rung') ?? '').replace('.m3u8', '')
  const viewerId = viewerIdOf(c)
  if (viewerId !== null && isOnAir(state)) playback.leases.see({ streamId, viewerId })
  const position = positionOf(c)
  const current = position === null ? opened : await reload(playback, c, { opened, rung, position })
  return answerText(c, formatMedia(windowOf(playback, current), rung, c.req.query('_HLS_skip') === 'YES'))
}

/** Returns a broadcast that a request may play, with its first segments. */
async function openStarted({ context, played }: Playback, c: HonoContext): Promise<PlayedStream> {
  allowAnyOrigin(c)
  const id = c.req.param('id') ?? ''
  const found = UUID.test(id) ? await played.read(id) : null
  if (found === null || !mayPlay(context, found.stream, c.req.query('token'), Date.now())) {
    throw notPlayable('there is no broadcast of this id, or its address has expired')
  }
  const deadline = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(FIRST_SEGMENT_MS)])
  for (let current: PlayedStream | null = found; current !== null; current = await played.read(id)) {
    if (current.segments.length > 0) return current
    if (!isOnAir(current.stream.state) || deadline.aborted) break
    await played.waitForChange(id, deadline)
  }
  throw notPlayable('this broadcast has no segment yet; try again')
}

type Reload = { readonly opened: PlayedStream; readonly rung: string; readonly position: PlaylistPosition }

/** Waits until a playlist has a position, and no longer than `LONGEST_RELOAD_MS`. A new epoch ends the wait. */
async function reload(playback: Playback, c: HonoContext, { opened, rung, position }: Reload): Promise<PlayedStream> {
  const { streamId, partsEpoch } = opened.stream
  if (position.seq > (opened.segments.at(-1)?.seq ?? -1) + FARTHEST_RELOAD) {
    throw notPlayable('_HLS_msn is too far ahead of the playlist')
  }
  const deadline = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(LONGEST_RELOAD_MS)])
  let current = opened
  while (!deadline.aborted && current.stream.partsEpoch === partsEpoch) {
    if (hasPosition(windowOf(playback, current), rung, position)) break
    await playback.played.waitForChange(streamId, deadline)
    current = (await playback.played.read(streamId)) ?? current
  }
  return current
}

function positionOf(c: HonoContext): PlaylistPosition | null {
  const seq = numberOf(c, '_HLS_msn')
  return seq === null ? null : { seq, part: numberOf(c, '_HLS_part') }
}

function numberOf(c: HonoContext, name: string): number | null {
  const text = c.req.query(name) ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : null
}

function answerText(c: HonoContext, text: string): Response {
  c.header('Content-Type', 'application/vnd.apple.mpegurl')
  c.header('Cache-Control', 'no-store')
  return c.body(text)
}
