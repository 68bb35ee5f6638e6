import { UUID } from '../../../shared/ids.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { viewOf } from './get-stream.ts'
import type { StreamList } from './present.ts'
import type { StreamListQuery } from './requests.ts'
import { BROADCAST_STATES, isOnAir, MAX_OPEN_STREAMS, type BroadcastState } from '../rules/broadcast-state.ts'
import { readStreamPage, readStreamsByViewers, type ViewersRank } from '../store/listed-streams.ts'

/**
 * Returns the public broadcasts and the viewer's own, newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listStreams(
  context: LiveContext,
  viewer: SignedIn | null,
  { state, user, category, q: text, cursor, limit }: StreamListQuery,
): Promise<StreamList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const filter = { states: statesOf(state), user, category, text, before, limit: limit + 1 }
  const rows = await readStreamPage(context.db, filter, viewer?.user.userId ?? null)
  const { page, nextCursor } = cutPage(rows, limit, ({ stream }) => stream.streamId)
  return { streams: page.map((row) => viewOf(context, row, viewer)), next_cursor: nextCursor }
}

/** Returns the states that a state of the API stands for. A broadcast whose encoder is reconnecting is on the air. */
function statesOf(state: StreamListQuery['state']): readonly BroadcastState[] {
  if (state === undefined) return BROADCAST_STATES
  return state === 'live' ? BROADCAST_STATES.filter(isOnAir) : [state]
}

/**
 * Returns the public broadcasts on the air and the viewer's own, those with the most viewers first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listLiveStreams(
  context: LiveContext,
  viewer: SignedIn | null,
  { user, category, q: text, cursor, limit }: Omit<StreamListQuery, 'state'>,
): Promise<StreamList> {
  const after = cursor === undefined ? null : toRank(fromCursor(cursor, RANK))
  const filter = { states: statesOf('live'), user, category, text, after, limit: limit + 1 }
  const rows = await readStreamsByViewers(context.db, filter, viewer?.user.userId ?? null)
  const { page, nextCursor } = cutPage(rows, limit, ({ stream }) => `${stream.viewerCount}:${stream.streamId}`)
  return { streams: page.map((row) => viewOf(context, row, viewer)), next_cursor: nextCursor }
}

/** How a rank is written into a cursor. */
const RANK = /^\d{1,9}:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function toRank(position: string): ViewersRank {
  const [viewers = '', streamId = ''] = position.split(':')
  return { viewers: Number(viewers), streamId }
}

/** Returns all own broadcasts that have not ended, newest first. */
export async function listOpenStreams(context: LiveContext, owner: SignedIn): Promise<StreamList['streams']> {
  const { userId } = owner.user
  const states = BROADCAST_STATES.filter((state) => state !== 'ended')
  const filter = { states, user: userId, category: undefined, text: undefined, before: null, limit: MAX_OPEN_STREAMS }
  const rows = await readStreamPage(context.db, filter, userId)
  return rows.map((row) => viewOf(context, row, owner))
}
