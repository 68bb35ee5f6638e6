import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { listViewerMinutes } from '../store/viewers.ts'
import { findOwnStream } from './find-own-stream.ts'
import type { ViewerCurve } from './present.ts'

/**
 * Returns the viewers of the own broadcast by minutes.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function readViewerCurve({ db }: LiveContext, owner: SignedIn, id: string): Promise<ViewerCurve> {
  const { stream } = await findOwnStream(db, owner, id)
  const minutes = await listViewerMinutes(db, stream.streamId)
  return { viewers: minutes.map(({ minute, viewers: count }) => ({ minute: minute.toISOString(), count })) }
}
