import { BrokenRule } from '../../errors.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { OwnedStream } from '../store/streams.ts'

/**
 * Returns a broadcast whose chat is open to a viewer: from its creation to its end.
 * @throws BrokenRule STREAM_NOT_FOUND, STREAM_ENDED
 */
export async function findOpenChat(db: DbOrTx, viewer: SignedIn | null, streamId: string): Promise<OwnedStream> {
  const found = await findWatchableStream(db, viewer, streamId)
  if (found.stream.state !== 'ended') return found
  throw new BrokenRule(LIVE_ERRORS.STREAM_ENDED, 'this broadcast has ended, and its chat with it')
}
