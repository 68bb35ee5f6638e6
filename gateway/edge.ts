import { createLog, type Log } from '../shared/log.ts'
import { withDeadline } from '../shared/with-deadline.ts'
import {
  connectForRequest,
  isDatabaseUnavailable,
  findSchemaProblem,
  type RequestPostgres,
} from './adapters/edge/postgres.ts'
import { readEdgeSettings, type EdgeSettings } from './adapters/edge/settings.ts'
import { createEdgeWebhookSender } from './adapters/edge/webhook-sender.ts'
import { createTopicNotifier } from './adapters/in-process/topic-notifier.ts'
import { createPodClient } from './adapters/kubernetes/pod-client.ts'
import { createKubernetesLauncher } from './adapters/kubernetes/launcher.ts'
import { createTokenAccess } from './adapters/kubernetes/token-access.ts'
import { isRetryable } from './adapters/postgres/errors.ts'
import { createTransact } from './adapters/postgres/transact.ts'
import { createSendingNotifier } from './adapters/postgres/wide-notifier.ts'
import { createPasswordHasher } from './adapters/scrypt/password-hasher.ts'
import { NO_METRICS, NO_TRACER } from './adapters/telemetry/no-telemetry.ts'
import { createApp, type AppParts } from './app.ts'
import type { Context } from './context.ts'
import { createCallCounters, type CallCounters } from './http/rate-limit.ts'
import { configureSystems, idFieldsOf } from './operations/configure-systems.ts'
import {
  createOperations,
  createOperationsMemory,
  type Operations,
  type OperationsMemory,
} from './operations/operations.ts'
import type { Launcher } from './ports/launcher.ts'
import { createEdgeFollowUp, type EdgeFollowUp } from './scheduler/edge-follow-up.ts'
import { SettingsError } from './settings/settings-error.ts'
import type { ConfiguredSystem, MountedSystem } from './system.ts'
import { systems as allSystems } from './systems.ts'

/** What the platform passes to one request or one cron event: it stays alive until the awaited work is done. */
type Invocation = { waitUntil(work: Promise<unknown>): void }

/** Time for the follow-up of a request, in ms; platforms end it 30 s after its answer, and a webhook takes 10. */
const AFTER_REQUEST_MS = 15_000
/** How long a cron event runs what becomes due, in ms; the next one comes after a minute. */
const AFTER_CRON_MS = 45_000
/** Cloudflare lets six fetches of an invocation wait for their answer; the API server must be among them. */
const RECEIVERS_AT_A_TIME = 4
/** Interval of pings, in ms: an isolate learns that a client has left only by writing. */
const PING_MS = 2000
/** Longest life of a stream, in ms: it holds a database connection of its own. */
const LONGEST_STREAM_MS = 300_000
/** How long `/readyz` waits for the database, in ms. */
const READY_WITHIN_MS = 2000

/** What outlives a request: no socket, no timer, no promise of one. */
type Isolate = EdgeSettings & {
  readonly systems: readonly ConfiguredSystem[]
  readonly log: Log
  readonly callCounters: CallCounters
  /** When each periodic task last ran here. */
  readonly memory: OperationsMemory
  /** Whether the database was unreachable, and the takeover that follows has not been done yet. */
  readonly outage: { seen: boolean }
}

/**
 * Serves the gateway on a fetch runtime (workerd). Each invocation has a context of its own, since sockets belong to the
 * request that opened them; its periodic work runs after its answer. Wrong settings are logged once and answered with 503.
 */
// oxlint-disable-next-line import/no-default-export -- where workerd looks for a Worker's handlers
export default {
  async fetch(request: Request, bindings: object, invocation: Invocation): Promise<Response> {
    const isolate = await startOnce(bindings)
    if (isolate instanceof SettingsError) return refuse(isolate)
    const run = beginInvocation(isolate)
    const app = createApp(run.context, partsOf(run, isolate), { publicRoutes: true, internalRoutes: true })
    const answered = Promise.resolve(app.fetch(request))
    // From the start: a platform ends an invocation whose client leaves, unless it has something to wait for.
    invocation.waitUntil(answered.then(() => finish(run, isolate, AFTER_REQUEST_MS)))
    return answered
  },

  /** Runs the periodic work once, and what becomes due within the minute. */
  async scheduled(_event: unknown, bindings: object, invocation: Invocation): Promise<void> {
    const isolate = await startOnce(bindings)
    if (isolate instanceof SettingsError) throw isolate
    const run = beginInvocation(isolate)
    run.context.wake('everything')
    invocation.waitUntil(finish(run, isolate, AFTER_CRON_MS))
  },
}

let started: Promise<Isolate | SettingsError> | null = null

/** Starts an isolate at its first invocation. It keeps its bindings for life: another deployment has other isolates. */
function startOnce(bindings: object): Promise<Isolate | SettingsError> {
  started ??= start(bindings)
  return started
}

async function start(bindings: object): Promise<Isolate | SettingsError> {
  try {
    const sections = allSystems.map(({ settings }) => settings)
    const settings = readEdgeSettings(bindings, sections)
    const systems = await configureSystems(allSystems, {
      ...settings,
      readText: async (_setting, { bundled }) => (await bundled()).default,
      toAbsolute: (path) => path,
    })
    const log = createLog('gateway', settings.settings.logLevel, writeLine)
    const callCounters = createCallCounters(settings.settings)
    return { ...settings, systems, log, callCounters, memory: createOperationsMemory(), outage: { seen: false } }
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
  const headers = { 'Retry-After': '60', 'Cache-Control': 'no-store' }
  return Response.json({ error: { code: 'INVALID_CONFIG', message, details: problems } }, { status: 503, headers })
}

/** One invocation with everything that belongs to it. */
type InvocationRun = {
  readonly context: Context
  readonly systems: readonly MountedSystem[]
  readonly operations: Operations
  readonly followUp: EdgeFollowUp
  readonly postgres: RequestPostgres
  /** Streams that go on after the answer has begun. */
  readonly held: readonly Promise<void>[]
}

function beginInvocation(isolate: Isolate): InvocationRun {
  const postgres = connectForRequest(isolate.databaseUrl, isolate.log)
  const followUp = createEdgeFollowUp()
  const held: Promise<void>[] = []
  const context = createContext(isolate, { postgres, followUp, held })
  const systems = isolate.systems.map((system) => system.mount(context))
  const operations = createOperations(context, systems, isolate.memory)
  return { context, systems, operations, followUp, postgres, held }
}

type ContextParts = Pick<InvocationRun, 'postgres' | 'followUp'> & { readonly held: Promise<void>[] }

function createContext(isolate: Isolate, { postgres, followUp, held }: ContextParts): Context {
  const { settings, systems, webhookGuard, log, outage } = isolate
  return {
    settings,
    db: postgres.db,
    transact: createTransact(postgres.db),
    isBrokenOff: isRetryable,
    isDatabaseGone(error) {
      outage.seen ||= isDatabaseUnavailable(error)
      return isDatabaseUnavailable(error)
    },
    // No runtime says whether another isolate still runs: what it holds is free when its lease has expired.
    identity: { id: `edge:${crypto.randomUUID()}`, mayStillRun: () => true },
    launcher: createLauncher(isolate),
    sendWebhook: createEdgeWebhookSender(webhookGuard),
    // No SMTP: a gateway on Node with the same database sends what this one enqueues.
    sendMail: null,
    passwordHasher: createPasswordHasher(),
    receiversAtATime: RECEIVERS_AT_A_TIME,
    metrics: NO_METRICS,
    tracer: NO_TRACER,
    log,
    idFields: idFieldsOf(systems),
    clientAddress: (c) => c.req.header('cf-connecting-ip') ?? 'unknown',
    keepsConnections: false,
    openFolder: null,
    loadPageAssets: null,
    notifier: createTopicNotifier(),
    // One request does not listen for others; it reads at intervals.
    wideNotifier: createSendingNotifier(postgres.sql, (sent) => void held.push(sent)),
    acceptSocket: null,
    streams: {
      pingMs: PING_MS,
      longestMs: LONGEST_STREAM_MS,
      untilClosing: () => () => undefined,
      hold: (until) => void held.push(until),
    },
    wake: followUp.wake,
  }
}

function createLauncher({ cluster, systems, log }: Isolate): Launcher {
  const access = createTokenAccess({ server: cluster.url, token: cluster.token })
  return createKubernetesLauncher({
    client: createPodClient({ ...access, namespace: cluster.namespace }),
    roles: systems.flatMap(({ workerRoles }) => workerRoles),
    image: cluster.workerImage,
    secret: cluster.workerSecret,
    namespace: cluster.namespace,
    deployment: cluster.deployment,
    log,
  })
}

function partsOf(
  { context, systems, operations, followUp, postgres }: InvocationRun,
  { callCounters }: Isolate,
): AppParts {
  const database = () => withDeadline(findSchemaProblem(postgres.sql), READY_WITHIN_MS).catch(() => 'cannot be reached')
  const readiness = [
    { name: 'database', check: database },
    { name: 'launcher', check: () => context.launcher.problem() },
  ]
  return { systems, readiness, operations: followedUp(operations, followUp), callCounters }
}

/** Returns operations that request a follow-up after each run that an operator requests. */
function followedUp(operations: Operations, { wake }: EdgeFollowUp): Operations {
  const { scheduler } = operations
  return {
    ...operations,
    scheduler: { ...scheduler, run: (reasons) => scheduler.run(reasons).finally(wake) },
    reconcile: () => operations.reconcile().finally(wake),
  }
}

async function finish(run: InvocationRun, { outage }: Isolate, budgetMs: number): Promise<void> {
  const { context, operations, followUp, postgres, held } = run
  await Promise.allSettled(held)
  if (followUp.isRequested()) {
    if (outage.seen) await takeOver(operations, outage)
    const { scheduler, drain, nextDueInMs } = operations
    await followUp.run(context.log, { run: (reasons) => scheduler.run(reasons), drain, nextDueInMs }, budgetMs)
  }
  await postgres[Symbol.asyncDispose]()
}

/** Renews leases after an outage of the database: workers called in vain, so that none may count as silent. */
async function takeOver(operations: Operations, outage: Isolate['outage']): Promise<void> {
  outage.seen = await operations.takeOver().then(
    () => false,
    () => true,
  )
}
