import { signPlayback, timingSafeEqual, type PlaybackRight } from '../../../shared/net/signing.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { findFollow } from '../store/follows.ts'
import type { Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { accessOf, isOpen, type Viewer, type Watched } from '../rules/access.ts'
import { decideWatch, type AccessChecks } from './access-checks.ts'
import { LIVE_PATH, posterUrlOf, type PlaybackAddresses } from './addresses.ts'

/** How long the address of a broadcast that is not public stays valid beyond the longest broadcast, in seconds. */
const SPARE_SEC = 3600
/** The end of the right, the follower who has it, and the signature. */
const TOKEN = /^(\d{10})(?:\.([0-9a-f-]{36}))?\.([0-9a-f]{64})$/

/** Returns whether a viewer may watch: everyone what is public or unlisted, followers what is for them, its owner all. */
export function mayWatch(db: DbOrTx, watched: Watched, viewer: Viewer): Promise<boolean> {
  return decideWatch(watched, viewer, async (pair) => (await findFollow(db, pair)) !== null)
}

/** Returns the id of a viewer who may watch because of following the owner; `null` for all others. */
function followerOf(watched: Watched, viewer: Viewer): string | null {
  return viewer !== null && accessOf(watched, viewer) === 'followers' ? viewer.user.userId : null
}

/**
 * Returns the address at which a broadcast plays for a viewer who may watch it; `null` before its first picture, and
 * where its files are gone. It needs no header: where the broadcast is not public, a token in it proves the right. That of
 * a follower is valid as long as the follow is.
 */
export function playbackUrlOf(
  context: LiveContext,
  stream: Stream,
  followerId: string | null,
  nowMs: number,
): string | null {
  if (stream.startedAt === null || stream.discardedAt !== null) return null
  const address = `${LIVE_PATH}/${stream.streamId}/master.m3u8`
  if (isOpen(stream)) return address
  const expires = String(Math.floor(nowMs / 1000) + context.settings.live.maxBroadcastSec + SPARE_SEC)
  const signature = sign(context, { streamId: stream.streamId, expires, followerId })
  return `${address}?token=${[expires, ...(followerId === null ? [] : [followerId]), signature].join('.')}`
}

/** A viewer, and the broadcast or recording that the viewer may watch. */
export type Watching = { readonly watched: Watched; readonly viewer: Viewer }

/** Returns where a broadcast plays for a viewer, and where its newest picture is. */
export function playbackAddressesOf(
  context: LiveContext,
  stream: Stream,
  { watched, viewer }: Watching,
): PlaybackAddresses {
  return {
    playbackUrl: playbackUrlOf(context, stream, followerOf(watched, viewer), Date.now()),
    posterUrl: posterUrlOf(stream, context.settings.live.filesUrl),
  }
}

/** What the right to play is checked with. */
type PlayCheck = { readonly context: LiveContext; readonly checks: AccessChecks }

/** Returns whether a request with this token may play a broadcast. */
export async function mayPlay(
  { context, checks }: PlayCheck,
  stream: Stream,
  token: string | undefined,
): Promise<boolean> {
  if (isOpen(stream)) return true
  const [, expires = '', follower, signature = ''] = TOKEN.exec(token ?? '') ?? []
  const followerId = follower ?? null
  if (Number(expires) * 1000 <= Date.now()) return false
  if (!timingSafeEqual(signature, sign(context, { streamId: stream.streamId, expires, followerId }))) return false
  return followerId === null || checks.follows({ followerId, followingId: stream.userId })
}

function sign({ settings }: LiveContext, right: PlaybackRight): string {
  return signPlayback(settings.keys.INTERNAL_API_KEY, right)
}
