import type { Context as HonoContext } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { hashText } from '../../../shared/net/hash.ts'
import { timingSafeEqual } from '../../../shared/net/signing.ts'
import { BrokenRule } from '../../errors.ts'
import { bearerToken } from '../../http/authentication.ts'
import { requireSession } from '../accounts/session.ts'
import { findOwnStream } from '../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { findStream, type Stream } from '../store/streams.ts'

/** How stream keys begin. */
const KEY_PREFIX = 'sk-'

/**
 * Returns the broadcast that a request may publish: with its stream key as token, or the session of its owner.
 * @throws BrokenRule PUBLISH_REFUSED for a wrong key, UNAUTHORIZED, STREAM_NOT_FOUND, FORBIDDEN
 */
export async function findPublishable(context: LiveContext, c: HonoContext, streamId: string): Promise<Stream> {
  const token = bearerToken(c)
  if (token?.startsWith(KEY_PREFIX) !== true) {
    return (await findOwnStream(context.db, await requireSession(context, c), streamId)).stream
  }
  const found = UUID.test(streamId) ? await findStream(context.db, streamId) : null
  // The same answer, whether there is such a broadcast or not.
  if (found !== null && timingSafeEqual(hashText(token), found.stream.keyHash)) return found.stream
  throw new BrokenRule(
    LIVE_ERRORS.PUBLISH_REFUSED,
    'the stream key is not valid for this broadcast; copy key and address again from the studio',
  )
}
