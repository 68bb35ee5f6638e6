import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'

import postgres, { type Sql } from 'postgres'
import { expect, test, vi } from 'vitest'

import { makeCertificate } from '../../../shared/testing/certificate.ts'
import { until, WAIT } from '../../../shared/testing/until.ts'
import { startTcpProxy } from '../../testing/tcp-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { isUnavailable } from './errors.ts'
import { createSocketOpener, type SocketLimits } from './socket.ts'

const LIMITS: SocketLimits = { answerMs: 1000, quietMs: 60_000 }
const POOL_SIZE = 3

/** Starts a server in front of a database that speaks TLS, as Postgres does where it has a certificate. */
async function startTlsFront(databasePort: number) {
  const certificate = makeCertificate()
  const server = createServer((client) => {
    client.on('error', () => client.destroy())
    // The request for TLS has eight bytes, and the answer one.
    client.once('data', () => {
      client.pause()
      client.write('S')
      const secured = new TLSSocket(client, { isServer: true, ...certificate })
      const upstream = connect(databasePort, '127.0.0.1')
      secured.on('error', () => upstream.destroy())
      upstream.on('error', () => secured.destroy())
      secured.pipe(upstream).pipe(secured)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** Opens a pool of bounded sockets to a database through a proxy that can swallow what is sent. */
async function openPool(database: TestDatabase, limits: SocketLimits, isSecure = false) {
  const { port, username, password, pathname } = new URL(database.url)
  const front = isSecure ? await startTlsFront(Number(port)) : null
  const proxy = await startTcpProxy(() => front?.port ?? Number(port))
  const address = { host: '127.0.0.1', port: proxy.port }
  // Not in the types of postgres.js.
  const socketOption = { socket: createSocketOpener(address, limits) }
  const sql = postgres(`postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}`, {
    ...socketOption,
    ssl: isSecure ? 'require' : false,
    max: POOL_SIZE,
    // A busy machine needs seconds for some connections under TLS.
    connect_timeout: 10,
    backoff: () => 0.1,
  })
  await vi.waitFor(() => Promise.all(Array.from({ length: POOL_SIZE }, () => sql`select pg_sleep(0.1)`)), WAIT)
  return {
    sql,
    proxy,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 })
      await proxy[Symbol.asyncDispose]()
      front?.close()
    },
  }
}

/** Sends queries, more than there are connections, until it is disposed of; keeps the errors of those that failed. */
function sendQueries(sql: Sql): Disposable & { readonly errors: readonly unknown[] } {
  const errors: unknown[] = []
  const timer = setInterval(() => void sql`select 1`.catch((error: unknown) => errors.push(error)), 20)
  return { errors, [Symbol.dispose]: () => clearInterval(timer) }
}

test.concurrent.each([
  ['without TLS', false],
  ['with TLS', true],
])(
  'a pool under load %s, all of whose connections are half-open, works again as soon as new ones do',
  async (_how, isSecure) => {
    await using database = await createTestDatabase()
    await using pool = await openPool(database, LIMITS, isSecure)
    const { sql, proxy } = pool
    let heard = 0
    await sql.listen('news', () => heard++)
    using load = sendQueries(sql)
    const { errors } = load
    proxy.swallow()
    await until(() => errors.length > 0, 'queries fail')
    expect(errors.filter((error) => !isUnavailable(error))).toEqual([])
    proxy.restore()
    await vi.waitFor(() => sql`select 1`, WAIT)
    await until(async () => {
      await database.sql`notify news`
      return heard > 0
    }, 'notifications are heard')
  },
)

test.concurrent('an overdue answer ends the idle connections that have received nothing since, and no others', async () => {
  await using database = await createTestDatabase()
  await using pool = await openPool(database, LIMITS)
  const { sql, proxy } = pool
  const pids = async () =>
    (
      await database.sql`select pid from pg_stat_activity where application_name = 'postgres.js'
    and datname = current_database()`
    ).map((row) => Number(row['pid']))
  proxy.swallow()
  const overdue = sql`select 1`.catch((error: unknown) => error)
  proxy.restore()
  expect(isUnavailable(await overdue)).toBe(true)
  const before = await pids()
  // None of them waits for an answer on a connection of before.
  const fresh = await Promise.all(
    Array.from({ length: POOL_SIZE }, () => sql`select pg_backend_pid() as pid, pg_sleep(0.1)`),
  )
  const used = fresh.map(([row]) => Number(row?.['pid']))
  expect(used.filter((pid) => before.includes(pid))).toEqual([])
  // Idle ones stay meanwhile.
  await sql`select pg_sleep(0.8)`
  expect(await pids()).toEqual(expect.arrayContaining(used))
})

test.concurrent('a connection on which nothing is received for long is opened anew, also that which listens', async () => {
  await using database = await createTestDatabase()
  await using pool = await openPool(database, { answerMs: 60_000, quietMs: 2000 })
  const { sql, proxy } = pool
  let heard = 0
  await sql.listen('news', () => heard++)
  proxy.swallow()
  proxy.restore()
  await until(async () => {
    await database.sql`notify news`
    return heard > 0
  }, 'notifications are heard')
  await sql`select 1`
})
