import { BrokenRule } from '../../errors.ts'
import { deleteKeysOf } from '../../http/store/idempotency-keys.ts'
import { deleteMailsOf } from '../../mail/store/mails.ts'
import { deleteLane } from '../../outbox/store/lanes.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { faultLaneOf } from '../faults/enqueue-faults.ts'
import { checkPassword } from './check-password.ts'
import type { RequestOrigin } from './request-origin.ts'
import type { DeleteUserBody } from './requests.ts'
import { lockSignedIn } from './lock-signed-in.ts'
import type { SignedIn } from './session.ts'
import { discardClipsOfOthers } from '../storage/discard-clips.ts'
import { discardStreams } from '../storage/discard-streams.ts'
import { deleteFollowersOf, deleteStreamsOf } from '../store/delete-streams.ts'
import { forgetAuditAddresses } from '../store/audit.ts'
import { forgetPinned } from '../store/kept-chats.ts'
import { listStoredStreams } from '../store/stored-streams.ts'
import { forgetMessages } from '../store/transactions.ts'
import { topicOf } from '../topic.ts'
import { deleteUserRow, hasOtherAdmin, lockRegistration } from './store/users.ts'

/**
 * Deletes the signed-in user with all content and personal data; every session of the user ends. The last admin cannot be
 * deleted: a platform without users makes the next one an admin.
 * @throws BrokenRule PASSWORD_WRONG, LOGIN_LIMITED, LAST_ADMIN, UNAUTHORIZED
 */
export async function deleteUser(
  context: LiveContext,
  signedIn: SignedIn,
  { password }: DeleteUserBody,
  origin: RequestOrigin,
): Promise<void> {
  const { userId } = signedIn.user
  await checkPassword(context, signedIn.user, { field: 'password', password, origin })
  const streamIds = await context.transact(async (tx) => {
    // Only the role of an admin needs it: the deletion of years of broadcasts must not hold up registrations.
    if (signedIn.user.role === 'admin') await lockRegistration(tx)
    const user = await lockSignedIn(tx, signedIn)
    if (user.role === 'admin' && !(await hasOtherAdmin(tx, userId))) {
      const message = 'the platform needs an admin: npm run user -- grant NAME admin makes another one first'
      throw new BrokenRule(LIVE_ERRORS.LAST_ADMIN, message)
    }
    const stored = await listStoredStreams(tx, userId)
    await discardStreams(tx, stored)
    await discardClipsOfOthers(tx, userId)
    await forgetMessages(tx, userId)
    await forgetPinned(tx, userId)
    await forgetAuditAddresses(tx, userId)
    await deleteKeysOf(tx, userId)
    await deleteMailsOf(tx, { user_id: userId, email: user.email })
    await deleteStreamsOf(tx, userId)
    await deleteFollowersOf(tx, userId)
    await deleteUserRow(tx, userId)
    await deleteLane(tx, faultLaneOf(userId))
    return stored
  })
  for (const id of streamIds) context.notifier.notify(topicOf(id))
  context.wake('workers')
}
