import { UUID } from '../../../shared/ids.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { LiveContext } from '../context.ts'
import { readAuditPage } from '../store/audit.ts'
import { presentAuditEntry, type AuditList } from './present.ts'
import type { AuditQuery } from './requests.ts'

/**
 * Returns what moderators and admins did, the newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listAudit({ db }: LiveContext, { cursor, limit }: AuditQuery): Promise<AuditList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const rows = await readAuditPage(db, { before, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ entryId }) => entryId)
  return { entries: page.map(presentAuditEntry), next_cursor: nextCursor }
}
