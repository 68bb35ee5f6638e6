import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { getConnInfo } from '@hono/node-server/conninfo'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Hono } from 'hono'

import type { Log } from '../../shared/log.ts'
import { withDeadline } from '../../shared/with-deadline.ts'
import { createPageAssetLoader } from '../adapters/esbuild/page-assets.ts'
import { readGuideFile } from '../adapters/files/guide-files.ts'
import { openStoredFolder } from '../adapters/files/stored-folder.ts'
import { listen, type HttpServer } from '../adapters/http/http-server.ts'
import { acceptSocket } from '../adapters/http/web-sockets.ts'
import { createWebhookSender, type NodeWebhookSender } from '../adapters/http/webhook-sender.ts'
import { createTopicNotifier } from '../adapters/in-process/topic-notifier.ts'
import { connectPostgres, migrate, type Postgres } from '../adapters/postgres/connect.ts'
import { createDatabaseHealth, type DatabaseHealth } from '../adapters/postgres/database-health.ts'
import { isRetryable, isUnavailable } from '../adapters/postgres/errors.ts'
import { createTransact } from '../adapters/postgres/transact.ts'
import { createWideNotifier } from '../adapters/postgres/wide-notifier.ts'
import { getProcessName, mayProcessStillRun } from '../adapters/process/process-identity.ts'
import { createSmtpSender } from '../adapters/smtp/mail-sender.ts'
import { openTracing, type Tracing } from '../adapters/telemetry/open-telemetry.ts'
import { createPrometheus } from '../adapters/telemetry/prometheus.ts'
import { createApp, type AppParts, type ListenerRoutes } from '../app.ts'
import type { Context } from '../context.ts'
import { findClientAddress } from '../http/client-address.ts'
import { createOpenStreams, type OpenStreams } from '../http/event-stream.ts'
import { idFieldsOf } from '../operations/configure-systems.ts'
import type { Readiness } from '../operations/health.ts'
import { allMetrics } from '../operations/metrics.ts'
import { createOperations } from '../operations/operations.ts'
import type { Launcher } from '../ports/launcher.ts'
import type { MailSender } from '../ports/mail-sender.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { TopicNotifier } from '../ports/topic-notifier.ts'
import { startLoop } from '../scheduler/loop.ts'
import { createWakeSignal, type WakeSignal } from '../scheduler/wake-signal.ts'
import type { Settings } from '../settings/settings.ts'
import type { ConfiguredSystem } from '../system.ts'
import { DOCS_ASSETS, DOCS_FILES } from '../web/api-docs.ts'
import { WEB_SOURCES } from '../web/assets.ts'
import { createGuideLoader } from '../web/guides/load-guide.ts'
import { releaseAssignments } from '../workers/reconcile-workers.ts'

/** What a gateway is started with. It closes the launcher with itself; the database belongs to the caller. */
export type GatewayParts = {
  readonly settings: Settings
  readonly systems: readonly ConfiguredSystem[]
  readonly databaseUrl: string
  /** Connections to the database; 10 by default. */
  readonly poolSize?: number
  readonly launcher: Launcher
  readonly passwordHasher: PasswordHasher
  readonly log: Log
}

/** A running gateway on this machine. */
export type Gateway = {
  readonly port: number
  readonly context: Context
  /** Resolves once the tables exist and the periodic work has begun. */
  readonly started: Promise<void>
  /** Drains: not ready any more, workers stopped and their reports received, current webhooks and requests finished. */
  close(): Promise<void>
}

/** How long workers may take to finish, report and exit, in ms. */
const WORKERS_GRACE_MS = 25_000
/** How long current requests and webhooks may take, in ms; their senders repeat what is cut off. */
const REQUESTS_GRACE_MS = 5000
/** How long a gateway in a cluster still serves clients that do not know of its end, and makes them reconnect, in ms. */
const NOTICE_MS = 3000
/** Each lane waits for its own receiver only, so slow receivers delay others only when they are this many. */
const RECEIVERS_AT_A_TIME = 256
/** How long `/readyz` waits for the database, in ms. */
const READY_WITHIN_MS = 2000
/** Interval of pings, in ms: proxies close connections after a minute of silence, some sooner. */
const PING_MS = 15_000
/** Longest life of a stream, in ms, so that clients spread over gateways that start later. */
const LONGEST_STREAM_MS = 900_000
/** Interval of attempts to reach a database that is not there at start, in ms. */
const DATABASE_RETRY_MS = 1000

/** Starts a gateway: it answers at once, and is ready when its database is. */
export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const { settings, databaseUrl, launcher, log } = parts
  const connected = connectPostgres(databaseUrl, log, parts.poolSize)
  const outside: Outside = {
    postgres: connected,
    sender: createWebhookSender({ policy: settings }),
    tracing: await openTracing({ endpoint: settings.otlpEndpoint, log }),
    signal: createWakeSignal(),
    openStreams: createOpenStreams(),
    wideNotifier: createWideNotifier(connected.sql, log),
  }
  const { postgres, sender, tracing, signal, openStreams } = outside
  const state = { phase: 'starting' as 'starting' | 'serving' | 'draining' }
  const health = createDatabaseHealth(postgres.probe, READY_WITHIN_MS)
  const context: Context = {
    ...createContext(parts, outside),
    isBrokenOff: isRetryable,
    // Before the migrations, every failure is that of a database which is not there yet.
    isDatabaseGone: (error) => health.isGone(error) || state.phase === 'starting',
  }
  const systems = parts.systems.map((system) => system.mount(context))
  const operations = createOperations(context, systems)
  const servers = await listenOn(context, { systems, operations, readiness: readinessOf(health, launcher, state) })
  const closing = new AbortController()
  const begin = async () => {
    await reachDatabase(databaseUrl, log, closing.signal)
    if (closing.signal.aborted) return null
    await operations.takeOver()
    state.phase = 'serving'
    launcher.watch(() => context.wake('workers'), closing.signal)
    return startLoop(operations.scheduler, signal)
  }
  const loop = begin()

  async function close(): Promise<void> {
    state.phase = 'draining'
    closing.abort()
    await (await loop.catch(() => null))?.stop()
    await launcher.close(WORKERS_GRACE_MS)
    if (launcher.outlivesGateway) await giveNotice(servers)
    await withDeadline(operations.drain(), REQUESTS_GRACE_MS).catch(() =>
      log.info('webhooks and mails that are being sent are left to the next gateway'),
    )
    openStreams.close()
    await Promise.all(servers.map((server) => server.close(REQUESTS_GRACE_MS)))
    if (!launcher.outlivesGateway) {
      await releaseAssignments(context).catch((error: unknown) =>
        log.warn('assignments are left to their leases', { error }),
      )
    }
    await sender[Symbol.asyncDispose]()
    await tracing[Symbol.asyncDispose]()
    await postgres[Symbol.asyncDispose]()
  }
  return { port: servers[0]?.port ?? settings.port, context, started: loop.then(() => undefined), close }
}

/** What a gateway opens and closes itself. */
type Outside = {
  readonly postgres: Postgres
  readonly sender: NodeWebhookSender
  readonly tracing: Tracing
  readonly signal: WakeSignal
  readonly openStreams: OpenStreams
  readonly wideNotifier: TopicNotifier
}

function createContext(
  { settings, systems, launcher, passwordHasher, log }: GatewayParts,
  outside: Outside,
): Omit<Context, 'isBrokenOff' | 'isDatabaseGone'> {
  const { postgres, sender, tracing, signal, openStreams } = outside
  return {
    settings,
    db: postgres.db,
    transact: createTransact(postgres.db),
    identity: { id: `${getProcessName()}:${randomUUID()}`, mayStillRun: mayProcessStillRun },
    launcher,
    sendWebhook: sender.send,
    sendMail: createMailSender(settings),
    passwordHasher,
    receiversAtATime: RECEIVERS_AT_A_TIME,
    log,
    idFields: idFieldsOf(systems),
    metrics: createPrometheus(allMetrics(systems.map(({ definition }) => definition))),
    tracer: tracing.tracer,
    clientAddress: (c) =>
      findClientAddress(
        getConnInfo(c).remote.address ?? 'unknown',
        c.req.header('x-forwarded-for'),
        settings.trustedProxies,
      ),
    keepsConnections: true,
    openFolder: openStoredFolder,
    loadPageAssets: createPageAssetLoader([
      ...WEB_SOURCES,
      ...systems.flatMap(({ definition }) => definition.pageSources ?? []),
    ]),
    notifier: createTopicNotifier(),
    wideNotifier: outside.wideNotifier,
    acceptSocket,
    streams: {
      pingMs: PING_MS,
      longestMs: LONGEST_STREAM_MS,
      hold: () => undefined,
      untilClosing: openStreams.untilClosing,
    },
    wake: signal.wake,
  }
}

function createMailSender({ mail }: Settings): MailSender | null {
  return mail === null || mail.server === null ? null : createSmtpSender(mail.from, mail.server)
}

/** Serves on for a while: clients whose connections end reconnect to another gateway. */
async function giveNotice(servers: readonly HttpServer[]): Promise<void> {
  for (const server of servers) server.closeConnectionsAfterResponse()
  await delay(NOTICE_MS)
}

/** Opens one port for all routes, or another one for the internal routes. */
async function listenOn(context: Context, parts: AppParts): Promise<HttpServer[]> {
  const { host, port, internalPort } = context.settings
  const open = (routes: ListenerRoutes, at: number) => {
    const app = createApp(context, { ...parts, loadGuide: createGuideLoader(readGuideFile) }, routes)
    if (routes.publicRoutes) serveDocsAssets(app)
    return listen(app, { host, port: at })
  }
  if (internalPort === null) return [await open({ publicRoutes: true, internalRoutes: true }, port)]
  return Promise.all([
    open({ publicRoutes: true, internalRoutes: false }, port),
    open({ publicRoutes: false, internalRoutes: true }, internalPort),
  ])
}

function serveDocsAssets(app: Hono): void {
  const root = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/swagger-ui.css')))
  for (const file of DOCS_FILES) app.get(`${DOCS_ASSETS}/${file}`, serveStatic({ root, path: file }))
}

function readinessOf(database: DatabaseHealth, launcher: Launcher, state: { readonly phase: string }): Readiness {
  return [
    { name: 'gateway', check: async () => (state.phase === 'serving' ? null : state.phase) },
    { name: 'database', check: () => database.check() },
    { name: 'launcher', check: () => launcher.problem() },
  ]
}

/** Applies the migrations as soon as the database answers. */
async function reachDatabase(url: string, log: Log, signal: AbortSignal): Promise<void> {
  for (let isLogged = false; !signal.aborted; isLogged = true) {
    try {
      return await migrate(url, log)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (!isLogged) log.warn('the database cannot be reached; waiting for it', { error })
      await delay(DATABASE_RETRY_MS)
    }
  }
}
