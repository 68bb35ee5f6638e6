import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'

import journal from '../../../drizzle/migrations/meta/_journal.json' with { type: 'json' }
import type { Log } from '../../../shared/log.ts'
import type { Db } from '../../context.ts'
import { isRetryable, isUnavailable } from '../postgres-errors.ts'

export type RequestPostgres = AsyncDisposable & { readonly db: Db; readonly sql: Sql }

/** There may be many requests at once. It carries several queries; what runs in a transaction must not wait for others. */
const MAX_CONNECTIONS = 1
const CONNECT_WITHIN_SEC = 5
/** Of an invocation that waits for the next webhook to be due, nobody needs the connections. */
const IDLE_SEC = 1
const CLOSE_WITHIN_SEC = 1
const STATEMENT_TIMEOUT_MS = 8_000
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000

/**
 * A connection for one request or one round of periodic work: a fetch runtime ties a socket to the request that opened
 * it. It comes with the first query; without a server a query fails within 5 s.
 */
export function connectForRequest(url: string, log: Log): RequestPostgres {
  const sql = postgres(url, {
    max: MAX_CONNECTIONS,
    connect_timeout: CONNECT_WITHIN_SEC,
    idle_timeout: IDLE_SEC,
    backoff: () => 0.1,
    // It would cost each request a round trip to learn what Drizzle knows.
    fetch_types: false,
    onnotice: (notice) => log.debug('postgres notice', { notice: notice['message'] }),
    connection: {
      application_name: 'tallylight-edge',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
      TimeZone: 'UTC',
    },
  })
  return { db: drizzle(sql), sql, [Symbol.asyncDispose]: () => sql.end({ timeout: CLOSE_WITHIN_SEC }) }
}

/** Whether an error says that the database cannot be reached now, or that a transaction lost against others too often. */
export function isDatabaseGone(error: unknown): boolean {
  return isUnavailable(error) || isRetryable(error) || isSocketError(error)
}

/** What workerd says of a socket that does not come about or breaks; it gives no code. */
const SOCKET_ERROR = /^(?:proxy request failed|Network connection lost)/

function isSocketError(error: unknown): boolean {
  return error instanceof Error && (SOCKET_ERROR.test(error.message) || isSocketError(error.cause))
}

/** When the newest migration was made that this gateway was built with; Drizzle notes it when it applies one. */
const NEWEST_MIGRATION = Math.max(...journal.entries.map(({ when }) => when))

/** undefined_table and invalid_schema_name: Drizzle has noted nothing here. */
const NO_NOTES = /^(?:42P01|3F000)$/

/** What keeps the tables from being used; `null`: nothing. Here nobody can apply migrations. */
export async function schemaProblem(sql: Sql): Promise<string | null> {
  const [row] = await sql<{ applied: string | null }[]>`
    select max(created_at)::text as applied from drizzle.__drizzle_migrations`.catch(noneWhereUnnoted)
  return Number(row?.applied ?? 0) >= NEWEST_MIGRATION
    ? null
    : 'its tables are missing or older than this gateway, which cannot make them: run the migration job first'
}

function noneWhereUnnoted(error: unknown): [] {
  if (error instanceof postgres.PostgresError && NO_NOTES.test(error.code)) return []
  throw error
}
