import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { mayWatch } from '../playback/access.ts'
import { findStream, type OwnedStream } from '../store/streams.ts'

/**
 * Returns a broadcast that the user owns.
 * @throws BrokenRule STREAM_NOT_FOUND, also where the user may not know of it, or FORBIDDEN
 */
export async function findOwnStream(db: DbOrTx, owner: SignedIn, streamId: string): Promise<OwnedStream> {
  const found = await findWatchableStream(db, owner, streamId)
  if (found.stream.userId === owner.user.userId) return found
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its owner may change a broadcast')
}

/**
 * Returns a broadcast that a viewer may watch.
 * @throws BrokenRule STREAM_NOT_FOUND, also where the viewer may not know of it
 */
export async function findWatchableStream(db: DbOrTx, viewer: SignedIn | null, streamId: string): Promise<OwnedStream> {
  const found = UUID.test(streamId) ? await findStream(db, streamId) : null
  if (found !== null && (await mayWatch(db, found.stream, viewer))) return found
  throw new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, 'there is no broadcast of this id')
}
