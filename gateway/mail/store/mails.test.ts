import { expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { connectPostgres } from '../../adapters/postgres/connect.ts'
import { nextMessageInMs, takeDueMessages } from '../../queue/store/messages.ts'
import { explainStatement, locksRowsOnce, recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase } from '../../testing/test-database.ts'
import { createLog } from '../../../shared/log.ts'
import { insertBulkMails, insertMail, MAIL_QUEUE, mailQueueOf } from './mails.ts'

test('a mail to one person is sent before all that many get', async () => {
  await using database = await createTestDatabase()
  await using postgres = connectPostgres(
    database.url,
    createLog('gateway', 'error', () => undefined),
  )
  const { db } = postgres
  const many = Array.from({ length: 3 }, () => ({
    mailId: newUuid(),
    params: {},
    expiresAt: new Date(Date.now() + 60_000),
  }))
  await insertBulkMails(db, 'notice', many)
  await insertBulkMails(db, 'notice', many)
  await insertMail(db, { mailId: newUuid(), kind: 'reset_password', params: {} }, 60)
  const take = (limit: number) => takeDueMessages(db, MAIL_QUEUE, { owner: 'test', limit, leaseSec: 60 })
  expect((await take(1)).map(({ kind }) => kind)).toEqual(['reset_password'])
  expect((await take(10)).map(({ mailId }) => mailId).toSorted()).toEqual(many.map(({ mailId }) => mailId).toSorted())
  expect(await take(10)).toEqual([])
})

test('no more mails are taken than were requested, whatever the plan', async () => {
  await using database = await createTestDatabase()
  const { db, statements } = recordStatements(database.sql)
  await takeDueMessages(db, MAIL_QUEUE, { owner: 'test', limit: 1, leaseSec: 60 })
  expect(statements).toHaveLength(1)
  for (const statement of statements) {
    expect(locksRowsOnce(await explainStatement(database.sql, statement, 'force_custom_plan'))).toBe(true)
  }
})

test('mails of kinds that a gateway does not know are left to others, without a lease', async () => {
  await using database = await createTestDatabase()
  const { db } = database
  await insertMail(db, { mailId: newUuid(), kind: 'of_a_newer_gateway', params: {} }, 60)
  const older = mailQueueOf(['reset_password'])
  expect(await takeDueMessages(db, older, { owner: 'older', limit: 10, leaseSec: 60 })).toEqual([])
  expect(await nextMessageInMs(db, older)).toBeNull()
  const newer = mailQueueOf(['reset_password', 'of_a_newer_gateway'])
  expect(await takeDueMessages(db, newer, { owner: 'newer', limit: 10, leaseSec: 60 })).toMatchObject([{ attempts: 1 }])
})
