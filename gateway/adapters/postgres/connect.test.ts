import { EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

import { sql } from 'drizzle-orm'
import { expect, inject, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { startTcpProxy } from '../../testing/tcp-proxy.ts'
import { createTestDatabase } from '../../testing/test-database.ts'
import { isRetryable, isUnavailable } from './errors.ts'
import { connectPostgres, migrate } from './connect.ts'
import { createTransact } from './transact.ts'
import { until, WAIT } from '../../../shared/testing/until.ts'

const log = createLog('test', 'error', () => undefined)

async function listen(server: Server): Promise<number> {
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Returns the error that a query fails with, and the time until then. */
async function failureOf(query: Promise<unknown>): Promise<{ error: unknown; afterMs: number }> {
  const before = performance.now()
  const error: unknown = await query.then(
    () => null,
    (reason: unknown) => reason,
  )
  return { error, afterMs: performance.now() - before }
}

test('five gateways that start together apply each migration once', async () => {
  await using database = await createTestDatabase()
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  await database.sql`drop schema if exists drizzle cascade`
  await Promise.all(Array.from({ length: 5 }, () => migrate(database.url, log)))
  const [applied] = await database.sql<{ all: number; distinct: number }[]>`
    select count(*)::int as all, count(distinct hash)::int as distinct from drizzle.__drizzle_migrations`
  expect(applied?.all).toBeGreaterThan(0)
  expect(applied?.all).toBe(applied?.distinct)
})

test('a migration that needs a table in use lets other queries of it through, and is applied once the table is free', async () => {
  await using database = await createTestDatabase()
  const { sql: queries } = database
  const isMigrationWaiting = async (): Promise<boolean> => {
    const waiting = await queries`
      select from pg_stat_activity where datname = current_database() and application_name = 'tallylight-migrate'
        and wait_event_type = 'Lock'`
    return waiting.length > 0
  }
  const { migrating } = await queries.begin(async (tx) => {
    await tx`set local idle_in_transaction_session_timeout = 0`
    await tx`lock table drizzle.__drizzle_migrations in access exclusive mode`
    const migration = migrate(database.url, log)
    await until(isMigrationWaiting, 'the migration waits')
    await until(async () => !(await isMigrationWaiting()), 'the migration makes way')
    await until(isMigrationWaiting, 'the migration tries again')
    return { migrating: migration }
  })
  await migrating
})

test('a connection uses UTC and limits its statements and idle transactions', async () => {
  await using database = await createTestDatabase()
  const [settings] =
    await database.sql`select current_setting('TimeZone') as zone, current_setting('statement_timeout') as
    statement, current_setting('idle_in_transaction_session_timeout') as idle`
  expect(settings).toEqual({ zone: 'UTC', statement: '8s', idle: '5s' })
})

test('a query without a server fails fast, through Drizzle too, and works as soon as the server is back', async () => {
  await using database = await createTestDatabase()
  const real = new URL(database.url)
  const reserved = createServer()
  const port = await listen(reserved)
  reserved.close()
  await using pool = connectPostgres(Object.assign(new URL(real), { port: String(port) }).href, log)
  for (let attempt = 0; attempt < 12; attempt++) {
    const { error, afterMs } = await failureOf(pool.db.execute(sql`select 1`))
    expect(isUnavailable(error)).toBe(true)
    // The driver's own pauses between attempts grow to 20 s.
    expect(afterMs).toBeLessThan(10_000)
  }
  await using _proxy = await startTcpProxy(() => Number(real.port), port)
  await vi.waitFor(() => pool.sql`select 1`, WAIT)
})

test('a query to a server that drops connections, or never answers, fails within seconds', async () => {
  const dropping = await listen(createServer((client) => client.destroy()))
  const mute = await listen(createServer((client) => onTestFinished(() => void client.destroy())))
  const failures = [dropping, mute].map(async (port) => {
    await using pool = connectPostgres(`postgres://user:password@127.0.0.1:${port}/none`, log)
    return await failureOf(pool.sql`select 1`)
  })
  for (const { error, afterMs } of await Promise.all(failures)) {
    expect(isUnavailable(error)).toBe(true)
    expect(afterMs).toBeLessThan(30_000)
  }
})

test('a terminated backend and an ended transaction count as unavailable; a wrong query and a refused login do not', async () => {
  await using database = await createTestDatabase()
  const ended = await failureOf(database.sql`select pg_terminate_backend(pg_backend_pid())`)
  expect(isUnavailable(ended.error)).toBe(true)
  const idle = await failureOf(
    database.sql.begin(async (tx) => {
      await tx`set local idle_in_transaction_session_timeout = '1ms'`
      await until(
        async () =>
          (
            await database.sql`select 1 from pg_stat_activity where state = 'idle in transaction'
        and datname = current_database()`
          ).length === 0,
        'Postgres has ended the transaction',
      )
      await tx`select 1`
    }),
  )
  expect(isUnavailable(idle.error)).toBe(true)
  const bug = await failureOf(database.db.execute(sql`select * from no_such_table`))
  expect(isUnavailable(bug.error)).toBe(false)
  const login = Object.assign(new URL(inject('postgresUrl')), { password: 'wrong' }).href
  await using stranger = connectPostgres(login, log)
  expect(isUnavailable((await failureOf(stranger.sql`select 1`)).error)).toBe(false)
})

test('a query fails after seconds where all connections are busy; a check beside the pool and a later query do not', async () => {
  await using database = await createTestDatabase()
  await database.sql`create table locked (n int)`
  await using pool = connectPostgres(database.url, log, 2)
  let busy: Promise<unknown>[] = []
  await database.sql.begin(async (tx) => {
    await tx`set local idle_in_transaction_session_timeout = 0`
    await tx`lock table locked`
    busy = [
      pool.db.execute(sql`select * from locked`).execute(),
      pool.db.transaction((inner) => inner.execute(sql`select * from locked`)),
    ]
    const waits = () => database.sql`
      select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    await until(async () => (await waits()).length === 2, 'both connections are busy')
    const { error, afterMs } = await failureOf(pool.db.execute(sql`select 1`))
    expect(isUnavailable(error)).toBe(true)
    // A statement that waits for a lock ends after 8 s.
    expect(afterMs).toBeLessThan(6000)
    const later = await failureOf(pool.db.transaction((inner) => inner.execute(sql`select 1`)))
    expect(isUnavailable(later.error)).toBe(true)
    expect(await pool.probe`select 1 as one`).toEqual([{ one: 1 }])
  })
  await Promise.allSettled(busy)
  expect(await pool.db.execute(sql`select 1 as one`)).toEqual([{ one: 1 }])
})

test('a burst of queries waits for its turn', async () => {
  await using database = await createTestDatabase()
  await using pool = connectPostgres(database.url, log, 2)
  const one = () => pool.db.transaction((tx) => tx.execute(sql`select pg_sleep(0.01)`))
  await expect(Promise.all(Array.from({ length: 50 }, one))).resolves.toHaveLength(50)
})

test('the error of a transaction that loses a deadlock is retryable', async () => {
  await using database = await createTestDatabase()
  await database.sql`create table locked as select n from generate_series(1, 2) as n`
  let arrived = 0
  let both = () => {}
  const met = new Promise<void>((resolve) => (both = resolve))
  const cross = (order: readonly [number, number]) =>
    database.db.transaction(async (tx) => {
      await tx.execute(sql`select n from locked where n = ${order[0]} for update`)
      if (++arrived === 2) both()
      await met
      await tx.execute(sql`select n from locked where n = ${order[1]} for update`)
    })
  const failures = await Promise.all([failureOf(cross([1, 2])), failureOf(cross([2, 1]))])
  const errors = failures.map(({ error }) => error).filter((error) => error !== null)
  expect(errors).toHaveLength(1)
  expect(isRetryable(errors[0])).toBe(true)
})

test('a transaction that loses a deadlock is retried', async () => {
  await using database = await createTestDatabase()
  await database.sql`create table counters (id int primary key, n int not null)`
  await database.sql`insert into counters values (1, 0), (2, 0)`
  const transact = createTransact(database.db)
  let begun = 0
  const meeting = new EventEmitter()
  const count = (first: number, second: number) =>
    transact(async (tx) => {
      await tx.execute(sql`update counters set n = n + 1 where id = ${first}`)
      begun += 1
      if (begun === 1) await once(meeting, 'both')
      else meeting.emit('both')
      await tx.execute(sql`update counters set n = n + 1 where id = ${second}`)
    })
  await Promise.all([count(1, 2), count(2, 1)])
  // On a busy machine the loser may begin again before the winner goes on, and lose once more.
  expect(begun).toBeGreaterThanOrEqual(3)
  expect(await database.sql`select n from counters`).toEqual([{ n: 2 }, { n: 2 }])
})
