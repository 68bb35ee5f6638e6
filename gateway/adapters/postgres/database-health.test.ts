import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { findFreePort } from '../http/free-port.ts'
import { createTestDatabase } from '../../testing/test-database.ts'
import { connectPostgres } from './connect.ts'
import { createDatabaseHealth } from './database-health.ts'

test('a database that refuses to store anything is not ready until it stores again', async () => {
  await using database = await createTestDatabase()
  await database.sql`create table things (n int)`
  const name = new URL(database.url).pathname.slice(1)
  await database.sql.unsafe(`alter database ${name} set default_transaction_read_only = on`)
  await using pool = connectPostgres(database.url, createLog('test', 'warn', console.warn))
  const health = createDatabaseHealth(pool.sql, PATIENCE_MS)
  expect(await health.check()).toBeNull()
  const error: unknown = await pool.sql`insert into things values (1)`.catch((reason: unknown) => reason)
  expect(health.isGone(error)).toBe(true)
  expect(await health.check()).toBe('cannot store anything')
  expect(await health.check()).toBe('cannot store anything')
})

test.each(['53100', '53200', '57014', '58030', '25006', '25P03'])(
  'the code %s of Postgres means that it cannot be used',
  async (code) => {
    await using database = await createTestDatabase()
    const health = createDatabaseHealth(database.sql, PATIENCE_MS)
    const raise = database.sql.unsafe(`do $$ begin raise exception 'x' using errcode = '${code}'; end $$`)
    const error: unknown = await raise.catch((reason: unknown) => reason)
    expect(health.isGone(error)).toBe(true)
    // It stores again.
    expect(await health.check()).toBeNull()
  },
)

test('a database that stops after a failed statement is reported as one that cannot be reached', async () => {
  const port = await findFreePort(null)
  await using pool = connectPostgres(
    `postgres://user@127.0.0.1:${port}/none`,
    createLog('test', 'error', console.error),
  )
  const health = createDatabaseHealth(pool.sql, PATIENCE_MS)
  expect(health.isGone(Object.assign(new Error('crash_shutdown'), { code: '57P02' }))).toBe(true)
  expect(await health.check()).toBe('cannot be reached')
})
