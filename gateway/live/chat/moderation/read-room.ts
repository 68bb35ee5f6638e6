import type { SignedIn } from '../../accounts/session.ts'
import { findWatchableStream } from '../../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../../context.ts'
import { recordReport } from '../../moderation/file-report.ts'
import { listReported } from '../../store/reports.ts'
import { listBans } from '../store/bans.ts'
import { isModeratorOf } from '../store/moderators.ts'
import { chatRoleOf } from '../rules/judge-messages.ts'
import { requireModerating } from './change-room.ts'
import { requireMessage } from './delete-message.ts'
import { presentBans, presentReports, type BanList, type ReportList } from './present.ts'
import type { ReportBody } from './requests.ts'

/** Entries that a list shows at most: the newest ones. */
const LONGEST_LIST = 200

/**
 * Returns who may not write in the chats of a channel, for its moderators.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function readBans(context: LiveContext, actor: SignedIn, streamId: string): Promise<BanList> {
  const ownerId = await requireModeratorOf(context, actor, streamId)
  return presentBans(await listBans(context.db, ownerId, LONGEST_LIST))
}

/**
 * Returns the messages that viewers reported, for moderators.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function readReports(context: LiveContext, actor: SignedIn, streamId: string): Promise<ReportList> {
  await requireModeratorOf(context, actor, streamId)
  return presentReports(await listReported(context.db, streamId, LONGEST_LIST))
}

/**
 * Reports a message to the moderators of a chat; a second report of the user changes nothing.
 * @throws BrokenRule STREAM_NOT_FOUND, MESSAGE_NOT_FOUND, REPORTS_LIMITED
 */
export async function reportMessage(
  context: LiveContext,
  reporter: SignedIn,
  { streamId, messageId }: { readonly streamId: string; readonly messageId: string },
  { reason }: ReportBody,
): Promise<void> {
  const { db } = context
  await findWatchableStream(db, reporter, streamId)
  const { userId, text } = await requireMessage(db, streamId, messageId)
  await recordReport(context, reporter, { kind: 'message', subjectId: messageId, streamId, userId, text }, reason)
}

/** Returns the owner of a chat that the user moderates. @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN */
async function requireModeratorOf({ db }: LiveContext, actor: SignedIn, streamId: string): Promise<string> {
  const { stream } = await findWatchableStream(db, actor, streamId)
  const { user } = actor
  const isModerator = await isModeratorOf(db, stream.userId, user.userId)
  requireModerating({
    role: chatRoleOf({ isOwner: stream.userId === user.userId, isModerator, role: user.role }),
  })
  return stream.userId
}
