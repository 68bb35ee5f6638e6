import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { playbackAddressesOf } from '../playback/access.ts'
import { findWatchableStream } from './find-own-stream.ts'
import { presentStream, type StreamView } from './present.ts'
import type { OwnedStream } from '../store/streams.ts'

/**
 * Returns a broadcast for a viewer.
 * @throws BrokenRule STREAM_NOT_FOUND, also where the viewer may not watch it
 */
export async function getStream(context: LiveContext, viewer: SignedIn | null, id: string): Promise<StreamView> {
  return viewOf(context, await findWatchableStream(context.db, viewer, id), viewer)
}

/** Returns a broadcast that the viewer may watch, as the viewer sees it. */
export function viewOf(context: LiveContext, found: OwnedStream, viewer: SignedIn | null): StreamView {
  return presentStream(found, viewer, playbackAddressesOf(context, found.stream, { watched: found.stream, viewer }))
}
