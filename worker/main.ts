import { setFlagsFromString } from 'node:v8'

import * as v from 'valibot'

import { Claim, type ClaimRequest } from '../shared/contract/assignment.ts'
import { createLog, type Log, type LogFields } from '../shared/log.ts'
import { parseTraceparent } from '../shared/trace.ts'
import { EnvironmentError } from './environment.ts'
import type { PreparedWorker, WorkerOutcome } from './kind.ts'
import { findKind, KIND_NAMES } from './kinds.ts'
import { createGatewayCaller } from './platform/callback.ts'
import { createClock } from './platform/clock.ts'
import { createLifetime, type Lifetime } from './platform/lifetime.ts'

/** Exit codes, by which a launcher distinguishes how a worker ended. */
const EXIT = { finished: 0, failed: 1, wrongEnvironment: 2, gatewayGone: 3, refused: 4 } as const

/** Time after SIGTERM to finish the current work and send the last reports. Launchers kill after 30 s. */
const GRACE_MS = 20_000

/** Refusals after which no work is left: another process has the assignment, or the assignment has ended. */
const SUPERSEDED: ReadonlySet<string> = new Set(['STALE_EPOCH', 'ASSIGNMENT_ENDED'])

// V8 recompiles the HTTP parser of fetch, which is WebAssembly, after a few calls: 0.2 s of CPU and 17 MB, and
// process.exit waits for it. On a busy machine a refused worker would linger for seconds.
setFlagsFromString('--no-wasm-dynamic-tiering')
setFlagsFromString('--no-wasm-tier-up')

// The process that reads this log may exit first.
process.stdout.on('error', () => {})
process.exit(await main(process.env))

/** Runs the worker that the environment describes, and returns its exit code. */
async function main(env: NodeJS.ProcessEnv): Promise<number> {
  let fields: LogFields = env['WORKER_NAME'] === undefined ? {} : { worker: env['WORKER_NAME'] }
  const log = (level: 'error' | 'warn' | 'info' | 'debug') =>
    createLog('worker', level, (line) => process.stdout.write(`${line}\n`)).with(fields)
  process.on('uncaughtException', (error) => {
    log('debug').error('worker failed', { error })
    process.exit(EXIT.failed)
  })
  try {
    const worker = await prepareWorker(env)
    fields = worker.logFields
    return await runWorker(worker, log(worker.environment.LOG_LEVEL))
  } catch (error) {
    if (!(error instanceof EnvironmentError)) {
      log('debug').error('worker failed', { error })
      return EXIT.failed
    }
    log('error').error('invalid environment', { problem: error.message })
    return EXIT.wrongEnvironment
  }
}

async function prepareWorker(env: NodeJS.ProcessEnv): Promise<PreparedWorker> {
  const kind = findKind(env['WORKER_KIND'] ?? '')
  if (kind === null) throw new EnvironmentError(`WORKER_KIND must be one of: ${KIND_NAMES.join(', ')}`)
  const prepare = await kind.load()
  return prepare(env)
}

/** Claims the assignment, works on it, and returns the exit code. */
async function runWorker(worker: PreparedWorker, log: Log): Promise<number> {
  const { WORKER_NAME, WORKER_TOKEN, GATEWAY_URL, GATEWAY_PIPE, HEALTH_PORT, TRACEPARENT } = worker.environment
  const lifetime = createLifetime(GRACE_MS)
  stopOnSignals(lifetime, log)
  if (GATEWAY_PIPE === '1') exitWithGateway(log)
  let hasClaimed = false
  if (HEALTH_PORT !== undefined) await startProbes(HEALTH_PORT, () => hasClaimed && !lifetime.stopping.aborted)

  const clock = createClock()
  const access = { gatewayUrl: GATEWAY_URL, workerName: WORKER_NAME, clock, log }
  const createCaller = (token: string, traceparent?: string) =>
    createGatewayCaller({ ...access, token, trace: parseTraceparent(traceparent) })
  const callGateway = createCaller(WORKER_TOKEN, TRACEPARENT)
  const claimant = crypto.randomUUID()
  const request: ClaimRequest = { claimant }
  const callback = { method: 'POST', path: `${worker.assignmentPath}/claim`, body: JSON.stringify(request) }
  const claimed = await callGateway(callback, lifetime.stopping)
  if (claimed.kind !== 'accepted') return concludeWork(claimed, log)
  const claim = v.parse(Claim, claimed.body)
  hasClaimed = true
  log.info('assignment claimed', { epoch: claim.epoch, is_resumed: claim.resume !== null })
  const means = { callGateway, createGatewayCaller: createCaller, clock: clock.detach(), lifetime, log }
  return concludeWork(await worker.run({ claim, claimant, ...means }), log)
}

/** Starts the health probes. Their server is loaded here: a worker without probes saves its memory. */
async function startProbes(port: number, isReady: () => boolean): Promise<void> {
  const { startHealthServer } = await import('./platform/health-server.ts')
  await startHealthServer(port, isReady)
}

function stopOnSignals(lifetime: Lifetime, log: Log): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info('worker stopping', { signal })
      lifetime.stop()
    })
  }
}

/** Exits when the gateway's process ends. The next gateway on this machine starts the worker again. */
function exitWithGateway(log: Log): void {
  const exit = () => {
    log.warn('gateway gone, exiting')
    process.exit(EXIT.gatewayGone)
  }
  process.stdin.on('end', exit).on('error', exit).resume()
}

/** Logs how the work ended, and returns the exit code. */
function concludeWork(outcome: WorkerOutcome, log: Log): number {
  switch (outcome.kind) {
    case 'finished':
      log.info('worker finished')
      return EXIT.finished
    case 'aborted':
      log.warn('worker stopped before its last report was acknowledged')
      return EXIT.finished
    case 'refused': {
      const { status, code, message } = outcome
      log.warn('gateway refused the call', { status, code, reason: message })
      return SUPERSEDED.has(code) ? EXIT.finished : EXIT.refused
    }
  }
}
