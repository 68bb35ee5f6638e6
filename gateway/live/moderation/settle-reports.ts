import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { deleteAnyMessage } from '../chat/moderation/delete-message.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { closeReportsOf, findReportedChat, isReported, readReportPage } from '../store/reports.ts'
import { presentSubject, type SubjectList } from './present.ts'
import type { CloseReportsBody, ReportListQuery } from './requests.ts'

/**
 * Returns what users reported, the newest first; the reports of one subject are one entry.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listReports(
  { db }: LiveContext,
  { state, cursor, limit }: ReportListQuery,
): Promise<SubjectList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const rows = await readReportPage(db, { isOpen: state === 'open', before, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ lastReportId }) => lastReportId)
  return { reports: page.map(presentSubject), next_cursor: nextCursor }
}

/**
 * Closes all open reports of a subject. Repeated, it changes nothing; a later report opens the subject again.
 * @throws BrokenRule REPORT_NOT_FOUND
 */
export async function closeReports(
  context: LiveContext,
  { user }: SignedIn,
  subjectId: string,
  { reason }: CloseReportsBody,
): Promise<void> {
  if (!UUID.test(subjectId)) throw reportNotFound()
  await context.transact(async (tx) => {
    const kind = await closeReportsOf(tx, subjectId)
    if (kind === null) {
      if (await isReported(tx, subjectId)) return
      throw reportNotFound()
    }
    const target = { kind, id: subjectId }
    await insertAuditEntry(tx, { actorId: user.userId, action: 'close_reports', target, reason })
  })
}

/**
 * Deletes a reported message, whoever may watch its broadcast, and closes its reports. Repeated, it changes nothing.
 * @throws BrokenRule REPORT_NOT_FOUND
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
    const target = { kind: 'message', id: messageId } as const
    const entry = { actorId: moderator.user.userId, action: 'delete_message', target, reason: '' } as const
    await context.transact((tx) => insertAuditEntry(tx, entry))
  } catch (error) {
    // Its author or another moderator has deleted it.
    if (!(error instanceof BrokenRule && error.code === LIVE_ERRORS.MESSAGE_NOT_FOUND.code)) throw error
  }
  await closeReports(context, moderator, messageId, { state: 'closed', reason: '' })
}

function reportNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.REPORT_NOT_FOUND, 'nothing of this id was reported')
}
