import { BrokenRule, invalidField, KERNEL_ERRORS } from '../../../errors.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { countBlocked, deleteBlock, listBlocked, putBlock } from '../store/blocks.ts'
import { requireUser } from './ban-user.ts'
import { presentUsers, type UserList } from './present.ts'
import type { BlockBody } from './requests.ts'

/** Users that one user blocks: pages read them all. */
const MAX_BLOCKED = 1000

/** Returns whose messages the user does not want to see. */
export async function readBlocks({ db }: LiveContext, { user }: SignedIn): Promise<UserList> {
  return presentUsers(await listBlocked(db, user.userId))
}

/**
 * Hides the messages of another user from the user, in every chat.
 * @throws BrokenRule USER_NOT_FOUND, INVALID_CONFIG, FORBIDDEN where too many are blocked
 */
export async function blockUser(
  { db }: LiveContext,
  { user }: SignedIn,
  { user_id: id }: BlockBody,
): Promise<UserList> {
  const { userId: blockedId } = await requireUser(db, id)
  if (blockedId === user.userId) throw invalidField('user_id', 'must be another user')
  if ((await countBlocked(db, user.userId)) >= MAX_BLOCKED) {
    throw new BrokenRule(
      KERNEL_ERRORS.FORBIDDEN,
      `${MAX_BLOCKED} users are blocked, which is the limit; unblock one first`,
    )
  }
  await putBlock(db, user.userId, blockedId)
  return presentUsers(await listBlocked(db, user.userId))
}

/** Shows the messages of a user again. @throws BrokenRule USER_NOT_FOUND */
export async function unblockUser({ db }: LiveContext, { user }: SignedIn, id: string): Promise<void> {
  const { userId } = await requireUser(db, id)
  await deleteBlock(db, user.userId, userId)
}
