import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { getConnInfo } from '@hono/node-server/conninfo'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Hono } from 'hono'

import type { Log } from '../shared/log.ts'
import { listen, type HttpServer } from './adapters/http-server.ts'
import { createMediaFiles } from './adapters/media-files.ts'
import { openTracing } from './adapters/open-telemetry.ts'
import { connectPostgres, migrate, type Postgres } from './adapters/postgres.ts'
import { isRetryable, isUnavailable } from './adapters/postgres-errors.ts'
import { ownProcessName, processMayStillRun } from './adapters/process-identity.ts'
import { createPrometheus } from './adapters/prometheus.ts'
import { createTransact } from './adapters/transact.ts'
import { createWebhookSender } from './adapters/webhook-sender.ts'
import { createApp, type AppParts, type Doors } from './app.ts'
import type { Settings } from './config.ts'
import type { Context } from './context.ts'
import { withDeadline } from './deadline.ts'
import { createFeed } from './feed.ts'
import { DOCS_ASSETS, DOCS_FILES } from './http/docs.ts'
import { createOpenStreams } from './http/event-stream.ts'
import type { Readiness } from './http/health.ts'
import { createBell, startLoop } from './loop.ts'
import { createRounds } from './rounds.ts'
import { systems } from './systems.ts'
import { handOver } from './workers/settle-workers.ts'
import type { Launcher } from './workers/launcher.ts'

/** What an entry (or a test) gives to a gateway. The launcher is closed with it; the database is not its own. */
export type GatewayParts = {
  readonly settings: Settings
  readonly databaseUrl: string
  readonly launcher: Launcher
  readonly log: Log
}

/** A gateway at work on this machine. */
export type Gateway = {
  readonly port: number
  readonly context: Context
  /** Resolves once the tables stand and the periodic work has begun. */
  readonly started: Promise<void>
  /** Drains: readiness off, workers stopped and heard, webhooks and requests at hand finished, nothing lost. */
  close(): Promise<void>
}

/** How long workers have to finish, send their reports and go, in ms. */
const WORKERS_GRACE_MS = 25_000
/** How long requests and webhooks at hand have, in ms; what is cut off is repeated by its sender or by us. */
const REQUESTS_GRACE_MS = 5000
/** In a cluster clients may not know yet that this gateway goes: for so long it still serves, and has them reconnect. */
const NOTICE_MS = 3000
/** Each lane waits for its own receiver only: slow ones must be many to hold up the others. */
const RECEIVERS_AT_A_TIME = 256
/** How long `/readyz` waits for the database, in ms. */
const READY_WITHIN_MS = 2000
/** Proxies hang up after a minute of silence, some sooner. */
const PING_MS = 15_000
/** So that readers spread over gateways that came later. */
const LONGEST_STREAM_MS = 900_000
/** Between two attempts to reach a database that is not there at start, in ms. */
const DATABASE_RETRY_MS = 1000

/** Starts a gateway: it answers at once, and is ready when its database is. */
export async function startGateway({ settings, databaseUrl, launcher, log }: GatewayParts): Promise<Gateway> {
  const postgres = connectPostgres(databaseUrl, log)
  const sender = createWebhookSender({ policy: settings })
  const tracing = await openTracing({ endpoint: settings.otlpEndpoint, log })
  const bell = createBell()
  const openStreams = createOpenStreams()
  const context: Context = {
    settings,
    db: postgres.db,
    transact: createTransact(postgres.db),
    isBrokenOff: isRetryable,
    isDatabaseGone: (error) => isUnavailable(error) || isRetryable(error),
    identity: { id: `${ownProcessName()}:${randomUUID()}`, mayStillRun: processMayStillRun },
    launcher,
    sendWebhook: sender.send,
    receiversAtATime: RECEIVERS_AT_A_TIME,
    log,
    metrics: createPrometheus(),
    tracer: tracing.tracer,
    clientAddress: (c) => getConnInfo(c).remote.address ?? 'unknown',
    mediaFiles: settings.jobs.storageDir === null ? null : createMediaFiles(settings.jobs.storageDir),
    feed: createFeed(),
    streams: { pingMs: PING_MS, longestMs: LONGEST_STREAM_MS, hold: () => undefined, ...openStreams },
    wake: bell.ring,
  }
  const state = { phase: 'starting' as 'starting' | 'serving' | 'draining' }
  const rounds = createRounds(context, systems)
  const parts: AppParts = { systems, rounds, readiness: readinessOf(postgres, launcher, state) }
  const servers = await openDoors(context, parts)
  const closing = new AbortController()
  const begin = async () => {
    await reachDatabase(databaseUrl, log, closing.signal)
    if (closing.signal.aborted) return null
    await rounds.takeOver()
    state.phase = 'serving'
    launcher.watch(() => context.wake('workers'), closing.signal)
    return startLoop(rounds, bell)
  }
  const loop = begin()

  async function close(): Promise<void> {
    state.phase = 'draining'
    closing.abort()
    await (await loop.catch(() => null))?.stop()
    await launcher.close(WORKERS_GRACE_MS)
    if (launcher.outlivesGateway) await giveNotice(servers)
    await withDeadline(rounds.drain(), REQUESTS_GRACE_MS).catch(() =>
      log.info('webhooks at hand are left to the next gateway'),
    )
    openStreams.close()
    await Promise.all(servers.map((server) => server.close(REQUESTS_GRACE_MS)))
    if (!launcher.outlivesGateway) {
      await handOver(context).catch((error: unknown) => log.warn('assignments are left to their leases', { error }))
    }
    await sender[Symbol.asyncDispose]()
    await tracing[Symbol.asyncDispose]()
    await postgres[Symbol.asyncDispose]()
  }
  return { port: servers[0]?.port ?? settings.port, context, started: loop.then(() => undefined), close }
}

/** Another gateway serves on, to which clients turn when they find their connections ended. */
async function giveNotice(servers: readonly HttpServer[]): Promise<void> {
  for (const server of servers) server.announceEnd()
  await delay(NOTICE_MS)
}

/** One port for all, or workers' callbacks on one of their own. */
async function openDoors(context: Context, parts: AppParts): Promise<HttpServer[]> {
  const { host, port, internalPort } = context.settings
  const open = (doors: Doors, at: number) => {
    const app = createApp(context, parts, doors)
    if (doors.publicRoutes) serveDocsAssets(app)
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

function readinessOf(postgres: Postgres, launcher: Launcher, state: { readonly phase: string }): Readiness {
  return [
    { name: 'gateway', check: async () => (state.phase === 'serving' ? null : state.phase) },
    {
      name: 'database',
      check: () =>
        withDeadline(postgres.sql`select 1`, READY_WITHIN_MS).then(
          () => null,
          () => 'cannot be reached',
        ),
    },
    { name: 'launcher', check: () => launcher.problem() },
  ]
}

/** Applies the migrations as soon as the database answers. */
async function reachDatabase(url: string, log: Log, signal: AbortSignal): Promise<void> {
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await migrate(url, log)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (!told) log.warn('the database cannot be reached; waiting for it', { error })
      await new Promise((resolve) => setTimeout(resolve, DATABASE_RETRY_MS))
    }
  }
}
