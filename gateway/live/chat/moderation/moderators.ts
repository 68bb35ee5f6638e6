import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { deleteModerator, listModerators, putModerator } from '../store/moderators.ts'
import { requireUser } from './ban-user.ts'
import { presentUsers, type UserList } from './present.ts'

/** Moderators of one channel. */
const MAX_MODERATORS = 100

/** Returns who moderates the chats of the own channel. */
export async function readModerators({ db }: LiveContext, { user }: SignedIn): Promise<UserList> {
  return presentUsers(await listModerators(db, user.userId))
}

/**
 * Lets a user, by id or name, moderate the chats of the own channel.
 * @throws BrokenRule USER_NOT_FOUND, FORBIDDEN where the channel has as many as it can have
 */
export async function addModerator({ db }: LiveContext, { user: owner }: SignedIn, user: string): Promise<void> {
  const { userId } = await requireUser(db, user)
  if ((await listModerators(db, owner.userId)).length >= MAX_MODERATORS) {
    const message = `a channel has at most ${MAX_MODERATORS} moderators; remove one first`
    throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, message)
  }
  if (userId !== owner.userId) await putModerator(db, owner.userId, userId)
}

/**
 * Makes a user a moderator of the own channel no longer.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function removeModerator({ db }: LiveContext, { user: owner }: SignedIn, user: string): Promise<void> {
  const { userId } = await requireUser(db, user)
  await deleteModerator(db, owner.userId, userId)
}
