import { signPlayback, timingSafeEqual } from '../../../shared/net/signing.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_PATH, posterUrlOf, type PlaybackAddresses } from './addresses.ts'

/** How long the address of a broadcast that is not public stays valid, in seconds. */
const TOKEN_LIFE_SEC = 43_200

/** Returns whether a viewer may watch a broadcast: everyone public and unlisted ones, its owner all. */
export function mayWatch(
  { visibility, userId }: Pick<Stream, 'visibility' | 'userId'>,
  viewer: { readonly user: Pick<SignedIn['user'], 'userId'> } | null,
): boolean {
  return visibility === 'public' || visibility === 'unlisted' || viewer?.user.userId === userId
}

/**
 * Returns the address at which a broadcast plays for a viewer who may watch it; `null` before its first picture, and
 * where its files are gone. It needs no
 * header: where the broadcast is not public, a token in it proves the right.
 */
export function playbackUrlOf(context: LiveContext, stream: Stream, nowMs: number): string | null {
  if (stream.startedAt === null || stream.discardedAt !== null) return null
  const address = `${LIVE_PATH}/${stream.streamId}/master.m3u8`
  if (isOpen(stream)) return address
  const expires = String(Math.floor(nowMs / 1000) + TOKEN_LIFE_SEC)
  return `${address}?token=${expires}.${sign(context, stream, expires)}`
}

/** Returns where a broadcast plays for a viewer who may watch it, and where its newest picture is. */
export function playbackAddressesOf(context: LiveContext, stream: Stream, nowMs: number): PlaybackAddresses {
  return {
    playbackUrl: playbackUrlOf(context, stream, nowMs),
    posterUrl: posterUrlOf(stream, context.settings.live.filesUrl),
  }
}

/** Returns whether a request with this token may play a broadcast. */
export function mayPlay(context: LiveContext, stream: Stream, token: string | undefined, nowMs: number): boolean {
  if (isOpen(stream)) return true
  const [, expires = '', signature = ''] = /^(\d{10})\.([0-9a-f]{64})$/.exec(token ?? '') ?? []
  return Number(expires) * 1000 > nowMs && timingSafeEqual(signature, sign(context, stream, expires))
}

function isOpen({ visibility }: Pick<Stream, 'visibility'>): boolean {
  return visibility === 'public' || visibility === 'unlisted'
}

function sign({ settings }: LiveContext, { streamId }: Stream, expires: string): string {
  return signPlayback(settings.keys.INTERNAL_API_KEY, streamId, expires)
}
