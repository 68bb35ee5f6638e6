import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { closeReportsOf, isReported, readReportPage } from '../store/reports.ts'
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
  actor: SignedIn,
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
    await insertAuditEntry(tx, { actor, action: 'close_reports', target, reason })
  })
}

function reportNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.REPORT_NOT_FOUND, 'nothing of this id was reported')
}
