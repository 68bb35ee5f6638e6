import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { Tx } from '../../ports/database.ts'
import { requireUserId, userNotFound } from '../accounts/path-user.ts'
import type { SignedIn } from '../accounts/session.ts'
import { deleteUserSessions } from '../accounts/store/sessions.ts'
import { hasOtherAdmin, lockRegistration, lockUser, updateUserRow, type User } from '../accounts/store/users.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { closeStream } from '../packaging/close-stream.ts'
import { includesRole, type Role } from '../roles.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { readUserPage } from './store/users.ts'
import { endStreamsOf } from '../store/streams.ts'
import { topicOf } from '../topic.ts'
import { presentModeratedUser, type ModeratedUser, type ModeratedUserList } from './present.ts'
import type { UserListQuery } from './requests.ts'

/**
 * Returns users as moderators see them, the newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listUsers({ db }: LiveContext, query: UserListQuery): Promise<ModeratedUserList> {
  const { q, role, suspended, cursor, limit } = query
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const isSuspended = suspended === undefined ? undefined : suspended === 'true'
  const rows = await readUserPage(db, { q, role, isSuspended, before, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ userId }) => userId)
  return { users: page.map(presentModeratedUser), next_cursor: nextCursor }
}

/**
 * Suspends a user: the broadcasts and all sessions end, and the user cannot sign in. Repeated, it changes the reason.
 * @throws BrokenRule USER_NOT_FOUND, FORBIDDEN for oneself and for users whose role is not lower than the actor's
 */
export async function suspendUser(
  context: LiveContext,
  actor: SignedIn,
  userId: string,
  reason: string,
): Promise<ModeratedUser> {
  const { user, ended } = await context.transact(async (tx) => {
    const { suspendedAt } = await lockLower(tx, actor, userId)
    const change = { suspendedAt: suspendedAt ?? new Date(), suspensionReason: reason }
    const suspended = await changeUser(tx, userId, change)
    await deleteUserSessions(tx, userId)
    const streams = await endStreamsOf(tx, userId, 'its owner was suspended')
    // Nothing can come any more of those that have never been on the air.
    for (const stream of streams) if (stream.startedAt === null) await closeStream(tx, stream)
    const target = { kind: 'user' as const, id: userId }
    await insertAuditEntry(tx, { actor, action: 'suspend_user', target, reason })
    return { user: suspended, ended: streams }
  })
  for (const { streamId } of ended) context.notifier.notify(topicOf(streamId))
  context.wake('workers')
  return presentModeratedUser(user)
}

/**
 * Lets a suspended user sign in again; one who is not suspended stays so. Broadcasts that have ended stay ended.
 * @throws BrokenRule USER_NOT_FOUND, FORBIDDEN
 */
export async function restoreUser(context: LiveContext, actor: SignedIn, userId: string): Promise<ModeratedUser> {
  const user = await context.transact(async (tx) => {
    const locked = await lockLower(tx, actor, userId)
    if (locked.suspendedAt === null) return locked
    const target = { kind: 'user' as const, id: userId }
    await insertAuditEntry(tx, { actor, action: 'restore_user', target, reason: '' })
    return changeUser(tx, userId, { suspendedAt: null, suspensionReason: null })
  })
  return presentModeratedUser(user)
}

/**
 * Changes the role of a user, which holds from the next request on, in every session.
 * @throws BrokenRule USER_NOT_FOUND, LAST_ADMIN
 */
export async function changeRole(
  context: LiveContext,
  actor: SignedIn,
  userId: string,
  role: Role,
): Promise<ModeratedUser> {
  const user = await context.transact(async (tx) => {
    await lockRegistration(tx)
    const locked = await lockUser(tx, requireUserId(userId))
    if (locked === null) throw userNotFound()
    if (locked.role === role) return locked
    if (locked.role === 'admin' && !(await hasOtherAdmin(tx, userId))) {
      throw new BrokenRule(LIVE_ERRORS.LAST_ADMIN, 'the platform needs an admin: give another user the role first')
    }
    const target = { kind: 'user' as const, id: userId }
    await insertAuditEntry(tx, { actor, action: 'change_role', target, reason: role })
    return changeUser(tx, userId, { role })
  })
  return presentModeratedUser(user)
}

/** Returns a user whose role is lower than the actor's, with the row locked. @throws BrokenRule USER_NOT_FOUND, FORBIDDEN */
async function lockLower(tx: Tx, { user: actor }: SignedIn, userId: string): Promise<User> {
  const locked = await lockUser(tx, requireUserId(userId))
  if (locked === null) throw userNotFound()
  if (locked.userId !== actor.userId && !includesRole(locked.role, actor.role)) return locked
  const message = `a ${actor.role} may not suspend a user whose role is ${locked.role}; an admin changes the role first`
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, message)
}

async function changeUser(tx: Tx, userId: string, change: Parameters<typeof updateUserRow>[2]): Promise<User> {
  const changed = await updateUserRow(tx, userId, change)
  if (changed === null) throw userNotFound()
  return changed
}
