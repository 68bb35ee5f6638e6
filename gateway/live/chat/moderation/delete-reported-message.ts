import { UUID } from '../../../../shared/ids.ts'
import { BrokenRule } from '../../../errors.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { closeReports, reportNotFound } from '../../moderation/settle-reports.ts'
import { findReportedChat } from '../../store/reports.ts'
import { deleteAnyMessage } from './delete-message.ts'

/**
 * Deletes a reported message of any chat, for a moderator of the platform, and closes its reports. Repeated, it changes
 * nothing.
 * @throws BrokenRule REPORT_NOT_FOUND, FORBIDDEN
 */
export async function deleteReportedMessage(
  context: LiveContext,
  moderator: SignedIn,
  messageId: string,
): Promise<void> {
  const streamId = UUID.test(messageId) ? await findReportedChat(context.db, messageId) : null
  if (streamId === null) throw reportNotFound()
  try {
    await deleteAnyMessage(context, moderator, streamId, messageId)
  } catch (error) {
    // Its author or another moderator has deleted it.
    if (!(error instanceof BrokenRule && error.code === LIVE_ERRORS.MESSAGE_NOT_FOUND.code)) throw error
  }
  await closeReports(context, moderator, messageId, { state: 'closed', reason: '' })
}
