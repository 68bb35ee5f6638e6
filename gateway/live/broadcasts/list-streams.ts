import { UUID } from '../../../shared/ids.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { viewOf } from './get-stream.ts'
import type { StreamList } from './present.ts'
import type { StreamListQuery } from './requests.ts'
import { readStreamPage } from '../store/streams.ts'

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
  const filter = { state, user, category, text, before, limit: limit + 1 }
  const rows = await readStreamPage(context.db, filter, viewer?.user.userId ?? null)
  const { page, nextCursor } = cutPage(rows, limit, ({ stream }) => stream.streamId)
  return { streams: page.map((row) => viewOf(context, row, viewer)), next_cursor: nextCursor }
}
