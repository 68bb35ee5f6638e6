import { createLog, type Log } from '../shared/log.ts'
import { connectForRequest, isDatabaseGone, schemaProblem, type RequestPostgres } from './adapters/edge/postgres.ts'
import { readEdgeSettings, type EdgeSettings } from './adapters/edge/settings.ts'
import { createEdgeWebhookSender } from './adapters/edge/webhook-sender.ts'
import { createPodClient } from './adapters/kubernetes/client.ts'
import { createKubernetesLauncher } from './adapters/kubernetes/launcher.ts'
import { accessBySettings } from './adapters/kubernetes/settings-credentials.ts'
import { isRetryable } from './adapters/postgres-errors.ts'
import { createTransact } from './adapters/transact.ts'
import { createApp, type AppParts } from './app.ts'
import type { Context } from './context.ts'
import { withDeadline } from './deadline.ts'
import { createFeed } from './feed.ts'
import { createFollowUp, type FollowUp } from './follow-up.ts'
import PRESETS from './jobs/presets.yaml'
import { createCallCounters, type CallCounters } from './http/rate-limit.ts'
import { NO_METRICS } from './metrics/metrics.ts'
import { NO_TRACER } from './metrics/tracer.ts'
import { createMemory, createRounds, type Rounds, type RoundsMemory } from './rounds.ts'
import { readPresets } from './presets.ts'
import { SettingsError } from './settings-error.ts'
import { systems } from './systems.ts'
import type { Launcher } from './workers/launcher.ts'

/** What the platform gives to one request or one cron event: it lives until all that it was given is done. */
type Invocation = { waitUntil(work: Promise<unknown>): void }

/** How long a request may be followed up; platforms end it 30 s after its answer, and a webhook takes 10. */
const AFTER_REQUEST_MS = 15_000
/** How long a cron event looks for what becomes due; the next one comes after a minute. */
const AFTER_CRON_MS = 45_000
/** Cloudflare lets six fetches of an invocation wait for their answer; the API server must be among them. */
const RECEIVERS_AT_A_TIME = 4
/** Nobody tells an isolate that a reader has left: it finds out by writing. */
const PING_MS = 2000
/** A stream holds a database connection of its own. */
const LONGEST_STREAM_MS = 300_000
/** How long `/readyz` waits for the database, in ms. */
const READY_WITHIN_MS = 2000

/** What outlives a request: no socket, no timer, no promise. */
type Isolate = EdgeSettings & {
  readonly log: Log
  readonly callCounters: CallCounters
  /** When each piece of the periodic work was last done here. */
  readonly memory: RoundsMemory
  /** Whether the database could not be reached, and what follows from that was not done yet. */
  readonly outage: { seen: boolean }
}

/**
 * The gateway on a fetch runtime (workerd). Each invocation has a context of its own, since sockets belong to the
 * request that opened them; what it asks the periodic work for is done after its answer. Wrong settings are refused at the
 * first call: logged once, and told by every route.
 */
// oxlint-disable-next-line import/no-default-export -- where workerd looks for a Worker's handlers
export default {
  async fetch(request: Request, bindings: object, invocation: Invocation): Promise<Response> {
    const isolate = startOnce(bindings)
    if (isolate instanceof SettingsError) return refuse(isolate)
    const work = begin(isolate)
    const app = createApp(work.context, partsOf(work, isolate), { publicRoutes: true, internalRoutes: true })
    const answered = Promise.resolve(app.fetch(request))
    // From the beginning: a platform ends an invocation whose client leaves, unless there is something to wait for.
    invocation.waitUntil(answered.then(() => finish(work, isolate, AFTER_REQUEST_MS)))
    return answered
  },

  /** One round of the periodic work, and of what becomes due within the minute. */
  async scheduled(_event: unknown, bindings: object, invocation: Invocation): Promise<void> {
    const isolate = startOnce(bindings)
    if (isolate instanceof SettingsError) throw isolate
    const work = begin(isolate)
    work.context.wake('everything')
    invocation.waitUntil(finish(work, isolate, AFTER_CRON_MS))
  },
}

let started: Isolate | SettingsError | null = null

/** An isolate keeps its bindings for life: another deployment has other isolates. */
function startOnce(bindings: object): Isolate | SettingsError {
  started ??= start(bindings)
  return started
}

function start(bindings: object): Isolate | SettingsError {
  try {
    const settings = readEdgeSettings(bindings, readPresets(PRESETS))
    const log = createLog('gateway', settings.settings.logLevel, writeLine)
    const callCounters = createCallCounters(settings.settings)
    return { ...settings, log, callCounters, memory: createMemory(), outage: { seen: false } }
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    createLog('gateway', 'error', writeLine).error('this gateway cannot start', { problems: error.problems })
    return error
  }
}

function writeLine(line: string): void {
  // oxlint-disable-next-line no-console -- the one way out that a Worker's log has
  console.log(line)
}

function refuse({ problems }: SettingsError): Response {
  const message = 'this gateway was deployed with wrong settings and cannot start; details names them'
  const headers = { 'Retry-After': '60' }
  return Response.json({ error: { code: 'INVALID_CONFIG', message, details: problems } }, { status: 503, headers })
}

/** All that one invocation works with. */
type Work = {
  readonly context: Context
  readonly rounds: Rounds
  readonly followUp: FollowUp
  readonly postgres: RequestPostgres
  /** What goes on after the answer has begun. */
  readonly held: readonly Promise<void>[]
}

function begin(isolate: Isolate): Work {
  const { settings, databaseUrl, webhookGuard, log, memory, outage } = isolate
  const postgres = connectForRequest(databaseUrl, log)
  const followUp = createFollowUp()
  const held: Promise<void>[] = []
  const context: Context = {
    settings,
    db: postgres.db,
    transact: createTransact(postgres.db),
    isBrokenOff: isRetryable,
    isDatabaseGone(error) {
      outage.seen ||= isDatabaseGone(error)
      return isDatabaseGone(error)
    },
    // Nobody can ask whether an isolate still runs: what it has taken is free when its lease is over.
    identity: { id: `edge:${crypto.randomUUID()}`, mayStillRun: () => true },
    launcher: createLauncher(isolate),
    sendWebhook: createEdgeWebhookSender(webhookGuard),
    receiversAtATime: RECEIVERS_AT_A_TIME,
    metrics: NO_METRICS,
    tracer: NO_TRACER,
    log,
    clientAddress: (c) => c.req.header('cf-connecting-ip') ?? 'unknown',
    mediaFiles: null,
    feed: createFeed(),
    streams: {
      pingMs: PING_MS,
      longestMs: LONGEST_STREAM_MS,
      untilClosing: () => () => undefined,
      hold: (until) => void held.push(until),
    },
    wake: followUp.wake,
  }
  return { context, rounds: createRounds(context, systems, memory), followUp, postgres, held }
}

function createLauncher({ cluster, settings, log }: Isolate): Launcher {
  const access = accessBySettings({ server: cluster.url, token: cluster.token })
  return createKubernetesLauncher({
    client: createPodClient({ ...access, namespace: cluster.namespace }),
    roles: systems.map(({ workerKind }) => workerKind.role(settings)),
    image: cluster.workerImage,
    secret: cluster.workerSecret,
    namespace: cluster.namespace,
    deployment: cluster.deployment,
    log,
  })
}

function partsOf({ context, rounds, followUp, postgres }: Work, { callCounters }: Isolate): AppParts {
  const database = () => withDeadline(schemaProblem(postgres.sql), READY_WITHIN_MS).catch(() => 'cannot be reached')
  const readiness = [
    { name: 'database', check: database },
    { name: 'launcher', check: () => context.launcher.problem() },
  ]
  return { systems, readiness, rounds: followUp.following(rounds), callCounters }
}

async function finish(work: Work, { outage }: Isolate, budgetMs: number): Promise<void> {
  const { context, rounds, followUp, postgres, held } = work
  await Promise.allSettled(held)
  if (followUp.isWanted()) {
    if (outage.seen) await takeOver(rounds, outage)
    await followUp.run(context, rounds, budgetMs)
  }
  await postgres[Symbol.asyncDispose]()
}

/** While the database was gone workers have called in vain: none may count as silent for that. */
async function takeOver(rounds: Rounds, outage: Isolate['outage']): Promise<void> {
  outage.seen = await rounds.takeOver().then(
    () => false,
    () => true,
  )
}
