import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Context as HonoContext } from 'hono'

import type { Log } from '../shared/log.ts'
import type { Settings } from './config.ts'
import type { Feed } from './feed.ts'
import type { StreamHost } from './http/event-stream.ts'
import type { MediaFiles } from './media/media-files.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Tracer } from './metrics/tracer.ts'
import type { Launcher } from './workers/launcher.ts'

/** The database, or a transaction in it: a store's functions take either. */
export type Db = PostgresJsDatabase
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]
export type DbOrTx = Db | Tx

/** Whoever locks rows of several tables does so in one order: assignment, then the system's own, then outbox lane. */
export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/** One HTTP POST to a receiver outside: bounded in time and in what it reads, no redirects, guarded addresses. */
export type WebhookSender = (request: WebhookRequest) => Promise<WebhookAnswer>
export type WebhookRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
}
export type WebhookAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null }
  | { readonly kind: 'failed'; readonly error: string }

/** Which gateway this is among those that share a database, and whether another one can still be alive. */
export type Identity = {
  readonly id: string
  mayStillRun(id: string): boolean
}

/** `workers`: what runs may no longer be what should run. `everything`: a clock outside says that it is time. */
export type Wake = (what?: 'workers' | 'everything') => void

/** Everything that the app and its systems stand on, built once by an entry (`node.ts`) and handed down. */
export type Context = {
  readonly settings: Settings
  readonly db: Db
  /** Runs `work` in a transaction: from the start again, a few times, where Postgres broke it off for another's sake. */
  readonly transact: Transact
  /** Whether an error means that Postgres broke a statement off for another's sake: it may be tried again at once. */
  readonly isBrokenOff: (error: unknown) => boolean
  /** Whether an error means that the database cannot be reached now, and not that something is wrong with a query. */
  readonly isDatabaseGone: (error: unknown) => boolean
  readonly identity: Identity
  readonly launcher: Launcher
  readonly sendWebhook: WebhookSender
  /** Receivers that are sent to at a time. */
  readonly receiversAtATime: number
  readonly log: Log
  /** Where figures go. */
  readonly metrics: Metrics
  /** What follows work across processes. */
  readonly tracer: Tracer
  /** The address that a request comes from, as this runtime knows it. */
  readonly clientAddress: (request: HonoContext) => string
  /** What the `local` store holds; `null` where there is none on this machine. */
  readonly mediaFiles: MediaFiles | null
  /** Wakes those who follow something here; see `ring`. */
  readonly feed: Feed
  /** How answers that go on are kept. */
  readonly streams: StreamHost
  /** Asks for a round of periodic work soon, after something was committed that it should see. */
  readonly wake: Wake
}
