import type { Context as HonoContext } from 'hono'

import type { Log, LogFields } from '../shared/log.ts'
import type { Db } from './ports/database.ts'
import type { EventStreamHost } from './ports/event-streams.ts'
import type { GatewayIdentity } from './ports/gateway-identity.ts'
import type { Launcher } from './ports/launcher.ts'
import type { MailSender } from './ports/mail-sender.ts'
import type { Metrics } from './ports/metrics.ts'
import type { OpenFolder } from './ports/object-store.ts'
import type { LoadPageAssets } from './ports/page-assets.ts'
import type { PasswordHasher } from './ports/password-hasher.ts'
import type { TopicNotifier } from './ports/topic-notifier.ts'
import type { Tracer } from './ports/tracer.ts'
import type { Transact } from './ports/transactions.ts'
import type { Wake } from './ports/wake.ts'
import type { AcceptSocket } from './ports/web-sockets.ts'
import type { WebhookSender } from './ports/webhook-sender.ts'
import type { Settings } from './settings/settings.ts'

/** Everything that the app and its systems depend on: built once by an entry and passed down. */
export type Context = {
  readonly settings: Settings
  readonly db: Db
  readonly transact: Transact
  /** Whether Postgres aborted a statement for another transaction, so that it may be retried at once. */
  readonly isBrokenOff: (error: unknown) => boolean
  /** Whether the database cannot be reached now, as opposed to an error in a query. */
  readonly isDatabaseGone: (error: unknown) => boolean
  readonly identity: GatewayIdentity
  readonly launcher: Launcher
  readonly sendWebhook: WebhookSender
  /** `null`: this gateway sends no mails, but may enqueue them. */
  readonly sendMail: MailSender | null
  readonly passwordHasher: PasswordHasher
  /** Receivers that webhooks are sent to at a time. */
  readonly receiversAtATime: number
  readonly log: Log
  /** Returns the log field of an id by its prefix: `mon-…` is `monitor_id`. */
  readonly idFields: (id: string) => LogFields
  readonly metrics: Metrics
  readonly tracer: Tracer
  /** Returns the address that a request comes from. */
  readonly clientAddress: (request: HonoContext) => string
  /** Whether a connection may outlive the request that opened it. */
  readonly keepsConnections: boolean
  /** Opens a folder of this machine for reading; `null` on a runtime without a disk. */
  readonly openFolder: OpenFolder | null
  /** Loads what pages load; `null` on a runtime without files, which has no pages. */
  readonly loadPageAssets: LoadPageAssets | null
  readonly notifier: TopicNotifier
  /** Notifies the subscribers of all gateways of the database, within some 50 ms; a notification may be lost. */
  readonly wideNotifier: TopicNotifier
  readonly streams: EventStreamHost
  /** Accepts WebSockets; `null` on a runtime that cannot hold them. */
  readonly acceptSocket: AcceptSocket | null
  readonly wake: Wake
}
