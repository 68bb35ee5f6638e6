import type { LiveContext } from '../context.ts'
import { deleteExpiredInvitations } from './store/invitations.ts'
import { deleteEndedLoginFailures } from './store/login-failures.ts'
import { deleteExpiredSessions } from './store/sessions.ts'

/** Deletes what has expired: sessions, invitations and counts of failed logins. */
export async function deleteExpired({ db }: LiveContext): Promise<void> {
  await deleteExpiredSessions(db)
  await deleteExpiredInvitations(db)
  await deleteEndedLoginFailures(db)
}
