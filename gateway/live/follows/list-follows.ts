import { UUID } from '../../../shared/ids.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { Db } from '../../ports/database.ts'
import { userNotFound } from '../accounts/path-user.ts'
import { findUser } from '../accounts/store/users.ts'
import type { LiveContext } from '../context.ts'
import { readFollowers, readFollowing, type FollowedUser, type FollowPage } from '../store/follows.ts'
import { presentFollowedUser, type FollowList } from './present.ts'
import type { FollowListQuery } from './requests.ts'

/** Reads a page of the follows of a user. */
type ReadPage = (db: Db, userId: string, page: FollowPage) => Promise<FollowedUser[]>

/**
 * Returns who follows a user, the newest first.
 * @throws BrokenRule USER_NOT_FOUND, INVALID_CONFIG where the cursor is not one of this list
 */
export function listFollowers(context: LiveContext, userId: string, query: FollowListQuery): Promise<FollowList> {
  return listPage(context, userId, query, readFollowers)
}

/**
 * Returns whom a user follows, the newest first.
 * @throws BrokenRule USER_NOT_FOUND, INVALID_CONFIG where the cursor is not one of this list
 */
export function listFollowing(context: LiveContext, userId: string, query: FollowListQuery): Promise<FollowList> {
  return listPage(context, userId, query, readFollowing)
}

async function listPage(
  { db }: LiveContext,
  userId: string,
  { cursor, limit }: FollowListQuery,
  read: ReadPage,
): Promise<FollowList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  if ((await findUser(db, userId)) === null) throw userNotFound()
  const rows = await read(db, userId, { before, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ followId }) => followId)
  return { users: page.map(presentFollowedUser), next_cursor: nextCursor }
}
