import type { LiveContext } from '../context.ts'
import { deleteOldAuditEntries } from '../store/audit.ts'
import { deleteExpiredLinks } from './store/account-links.ts'
import { deleteExpiredInvitations } from './store/invitations.ts'
import { deleteEndedLoginFailures } from './store/login-failures.ts'
import { deleteExpiredSessions } from './store/sessions.ts'

/** Deletes what has expired: sessions, invitations, links of mails, counts of failed logins, and old entries of the audit log. */
export async function deleteExpired({ db }: LiveContext): Promise<void> {
  await deleteExpiredSessions(db)
  await deleteExpiredInvitations(db)
  await deleteExpiredLinks(db)
  await deleteEndedLoginFailures(db)
  await deleteOldAuditEntries(db)
}
