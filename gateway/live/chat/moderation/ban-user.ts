import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { DbOrTx, Tx } from '../../../ports/database.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { deleteMessages, listEntries } from '../store/entries.ts'
import { deleteBan, putBan } from '../store/bans.ts'
import { findNamedUser, isModeratorOf, type NamedUser } from '../store/moderators.ts'
import { changeRoom, recordPlatformAction, requireModerating, type RoomOfActor } from './change-room.ts'
import type { BanBody } from './requests.ts'
import { unpinMessage } from './unpin-message.ts'

/**
 * Keeps a user from writing in the chats of a channel, for a time or for good, and deletes the user's messages here.
 * @throws BrokenRule STREAM_NOT_FOUND, USER_NOT_FOUND, FORBIDDEN
 */
export async function banUser(
  context: LiveContext,
  actor: SignedIn,
  { streamId, user }: { readonly streamId: string; readonly user: string },
  { duration_sec: durationSec, delete_messages: deletesMessages }: BanBody,
): Promise<void> {
  await changeRoom(context, actor, streamId, async (tx, locked) => {
    requireModerating(locked)
    const { userId } = await requireUser(tx, user)
    await requireBannable(tx, locked, userId)
    await putBan(tx, locked.stream.userId, userId, durationSec)
    const target = { kind: 'user' as const, id: userId }
    await recordPlatformAction(tx, actor, locked, {
      action: 'ban_from_chat',
      target,
      reason: describeBan(durationSec, deletesMessages),
    })
    if (!deletesMessages) return []
    await deleteMessages(tx, streamId, { userId })
    const cleared = { kind: 'clear', userId } as const
    return (await hasPinned(tx, locked, userId)) ? [cleared, await unpinMessage(tx, locked.room)] : [cleared]
  })
}

/**
 * Lets a user write again.
 * @throws BrokenRule STREAM_NOT_FOUND, USER_NOT_FOUND, BAN_NOT_FOUND, FORBIDDEN
 */
export async function unbanUser(context: LiveContext, actor: SignedIn, streamId: string, user: string): Promise<void> {
  await changeRoom(context, actor, streamId, async (tx, locked) => {
    requireModerating(locked)
    const { userId } = await requireUser(tx, user)
    if (!(await deleteBan(tx, locked.stream.userId, userId))) {
      throw new BrokenRule(LIVE_ERRORS.BAN_NOT_FOUND, 'this user is not banned here')
    }
    const target = { kind: 'user' as const, id: userId }
    await recordPlatformAction(tx, actor, locked, { action: 'lift_chat_ban', target, reason: '' })
    return []
  })
}

function describeBan(durationSec: BanBody['duration_sec'], deletesMessages: boolean): string {
  const duration = durationSec === null ? 'for good' : `for ${durationSec} s`
  return deletesMessages ? `${duration}, with the messages` : duration
}

/** Returns whether the pinned message of a chat is one of a user. */
async function hasPinned(tx: Tx, { room }: RoomOfActor, userId: string): Promise<boolean> {
  const [pinned] = room.pinnedSeq === null ? [] : await listEntries(tx, room.streamId, [room.pinnedSeq])
  return pinned?.userId === userId
}

/** Returns the user of an id or a name. @throws BrokenRule USER_NOT_FOUND */
export async function requireUser(db: DbOrTx, idOrName: string): Promise<NamedUser> {
  const user = await findNamedUser(db, idOrName)
  if (user !== null) return user
  throw new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this id or name')
}

/** Refuses to ban the owner, and, for moderators, another moderator. @throws BrokenRule FORBIDDEN */
async function requireBannable(db: DbOrTx, { stream, role }: RoomOfActor, userId: string): Promise<void> {
  const { userId: ownerId } = stream
  if (userId !== ownerId && (role === 'owner' || !(await isModeratorOf(db, ownerId, userId)))) return
  throw new BrokenRule(
    KERNEL_ERRORS.FORBIDDEN,
    'the owner of a chat and its moderators cannot be banned by a moderator',
  )
}
