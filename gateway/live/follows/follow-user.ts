import { newUuid, UUID } from '../../../shared/ids.ts'
import { BrokenRule, invalidField } from '../../errors.ts'
import { limitAction } from '../accounts/limit-attempts.ts'
import { sessionEnded, type SignedIn } from '../accounts/session.ts'
import { findUser } from '../accounts/store/users.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { UpdateFollowBody } from './requests.ts'
import {
  countFollowing,
  deleteFollow,
  findFollow,
  findFollowById,
  insertFollow,
  muteFollow,
  type Follow,
  type FollowMutes,
} from '../store/follows.ts'

/** Users whom one user may follow. */
const MAX_FOLLOWING = 5000
const NEW_FOLLOWS = { action: 'follow', max: 200, windowSec: 900 }

/**
 * Makes the signed-in user follow another one. Repeated, it returns the same follow.
 * @throws BrokenRule INVALID_CONFIG for oneself, USER_NOT_FOUND, TOO_MANY_FOLLOWS, FOLLOW_LIMITED
 */
export async function followUser({ db }: LiveContext, { user }: SignedIn, followingId: string): Promise<Follow> {
  if (followingId === user.userId) throw invalidField('user_id', 'must be another user')
  if (!UUID.test(followingId) || (await findUser(db, followingId)) === null) throw noSuchUser()
  const pair = { followerId: user.userId, followingId }
  const known = await findFollow(db, pair)
  if (known !== null) return known
  await requireRoom(db, user.userId)
  await insertFollow(db, newUuid(), pair)
  const made = await findFollow(db, pair)
  // One of both accounts was deleted, or the follow was ended at the same moment.
  if (made === null) throw (await findUser(db, user.userId)) === null ? sessionEnded() : noSuchUser()
  return made
}

async function requireRoom(db: LiveContext['db'], followerId: string): Promise<void> {
  if ((await countFollowing(db, followerId)) >= MAX_FOLLOWING) {
    const message = `this account follows ${MAX_FOLLOWING} channels, which is the limit; unfollow one first`
    throw new BrokenRule(LIVE_ERRORS.TOO_MANY_FOLLOWS, message)
  }
  await limitAction(db, followerId, NEW_FOLLOWS, {
    error: LIVE_ERRORS.FOLLOW_LIMITED,
    problem: 'too many channels were followed',
  })
}

/**
 * Ends a follow of the signed-in user by its id. One that has ended is no error.
 * @throws BrokenRule FOLLOW_NOT_FOUND where it is the follow of another user, or no id
 */
export async function unfollowById({ db }: LiveContext, { user }: SignedIn, followId: string): Promise<void> {
  if (!UUID.test(followId)) throw followNotFound()
  const found = await findFollowById(db, followId)
  if (found === null) return
  if (found.followerId !== user.userId) throw followNotFound()
  await deleteFollow(db, found)
}

/**
 * Turns notices of a channel on or off, by the follow of the signed-in user.
 * @throws BrokenRule FOLLOW_NOT_FOUND
 */
export async function updateFollow(
  { db }: LiveContext,
  { user }: SignedIn,
  followId: string,
  { notices, email, push }: UpdateFollowBody,
): Promise<Follow> {
  const found = UUID.test(followId) ? await findFollowById(db, followId) : null
  const mutes = {
    ...(notices === undefined ? {} : { isMuted: !notices }),
    ...(email === undefined ? {} : { isEmailMuted: !email }),
    ...(push === undefined ? {} : { isPushMuted: !push }),
  }
  const changed = found?.followerId === user.userId ? await muteFollow(db, found, mutes) : null
  if (changed === null) throw followNotFound()
  return changed
}

/** Turns notices of a channel on or off, where the signed-in user follows it. */
export async function muteChannel(
  { db }: LiveContext,
  { user }: SignedIn,
  followingId: string,
  mutes: FollowMutes,
): Promise<void> {
  await muteFollow(db, { followerId: user.userId, followingId }, mutes)
}

/** Ends the follow of a channel by the signed-in user; without one, it does nothing. */
export async function unfollowUser({ db }: LiveContext, { user }: SignedIn, followingId: string): Promise<void> {
  if (UUID.test(followingId)) await deleteFollow(db, { followerId: user.userId, followingId })
}

function noSuchUser(): BrokenRule {
  const details = [{ field: 'user_id', message: 'is no user' }]
  return new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this user_id', { details })
}

function followNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.FOLLOW_NOT_FOUND, 'you have no follow of this id')
}
