import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'

import { createTestDatabase } from '../../testing/test-database.ts'
import { deleteOldAuditEntries, insertAuditEntry, readAuditPage } from '../store/audit.ts'
import { deleteExpiredInvitations, insertInvitation, isInvitationValid } from './store/invitations.ts'
import { countAttempt, deleteEndedLoginFailures, forgiveAttempt } from './store/login-failures.ts'
import { deleteExpiredSessions, findSession, insertSession } from './store/sessions.ts'
import { insertUser } from './store/users.ts'
import { newUuid } from '../../../shared/ids.ts'

test('what has expired is not valid, and is deleted; what has not stays', async () => {
  await using database = await createTestDatabase()
  const { db } = database
  const userId = newUuid()
  const user = { userId, username: 'mika', email: 'mika@example.org', passwordHash: 'x' }
  await db.transaction((tx) => insertUser(tx, user))
  const [valid, expired] = [newUuid(), newUuid()]
  const about = { userId, address: '127.0.0.1', userAgent: 'test' }
  await insertSession(db, { ...about, sessionId: valid }, 3600)
  await insertSession(db, { ...about, sessionId: expired }, -1)
  expect([await findSession(db, valid), await findSession(db, expired)]).toEqual([expect.anything(), null])
  await insertInvitation(db, { codeHash: 'valid', createdBy: userId }, 3600)
  await insertInvitation(db, { codeHash: 'expired', createdBy: userId }, -1)
  await countAttempt(db, ['valid'], 3600)
  await countAttempt(db, ['expired'], -1)
  const actor = { user: { userId }, address: '127.0.0.1' }
  for (const days of [399, 401]) {
    const target = { kind: 'user' as const, id: userId }
    await insertAuditEntry(db, { actor, action: 'restore_user', target, reason: String(days) })
    await db.execute(sql`
      update audit_entries set created_at = now() - make_interval(days => ${days}) where reason = ${String(days)}`)
  }

  await deleteExpiredSessions(db)
  await deleteExpiredInvitations(db)
  await deleteEndedLoginFailures(db)
  await deleteOldAuditEntries(db)
  expect((await readAuditPage(db, { before: null, limit: 10 })).map(({ reason }) => reason)).toEqual(['399'])
  const [counts] = await db.execute(sql`
    select (select count(*)::int from sessions) as sessions, (select count(*)::int from invitations) as invitations,
      (select count(*)::int from login_failures) as failures`)
  expect(counts).toEqual({ sessions: 1, invitations: 1, failures: 1 })
  expect(await db.transaction((tx) => isInvitationValid(tx, 'expired'))).toBe(false)
  expect(await db.transaction((tx) => isInvitationValid(tx, 'valid'))).toBe(true)
  // An attempt after its window begins another one; a success does not count.
  await countAttempt(db, ['late'], -1)
  const counted = await countAttempt(db, ['late', 'valid'], 3600)
  expect(counted.map(({ key, failures }) => [key, failures])).toEqual([
    ['late', 1],
    ['valid', 2],
  ])
  await forgiveAttempt(db, ['valid'])
  expect(await countAttempt(db, ['valid'], 3600)).toMatchObject([{ failures: 2 }])
})
