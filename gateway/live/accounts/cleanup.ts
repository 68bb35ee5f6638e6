import type { LiveContext } from '../context.ts'
import { deleteExpiredLinks } from './store/account-links.ts'
import { deleteExpiredInvitations } from './store/invitations.ts'
import { deleteEndedLoginFailures } from './store/login-failures.ts'
import { deleteExpiredSessions } from './store/sessions.ts'

/** Deletes what has expired: sessions, invitations, links of mails, and counts of failed logins. */
export async function deleteExpired({ db }: LiveContext): Promise<void> {
  await deleteExpiredSessions(db)
  await deleteExpiredInvitations(db)
  await deleteExpiredLinks(db)
  await deleteEndedLoginFailures(db)
}
