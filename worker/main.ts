import * as v from 'valibot'

import { Claim, type ClaimRequest } from '../shared/contract/assignment.ts'
import { createLog, type Log, type LogFields } from '../shared/log.ts'
import { readTraceparent } from '../shared/trace.ts'
import { EnvironmentError } from './environment.ts'
import type { Outcome, Worker } from './kind.ts'
import { findKind, KIND_NAMES } from './kinds.ts'
import { createCallGateway } from './platform/callback.ts'
import { createClock } from './platform/clock.ts'
import { createLifetime, type Lifetime } from './platform/lifetime.ts'

/** What the process exits with, so that a launcher can tell one end from another. */
const EXIT = { finished: 0, failed: 1, wrongEnvironment: 2, gatewayGone: 3, refused: 4 } as const

/** After SIGTERM the analysis at hand and the unsent reports have this long; a launcher kills after 30 s. */
const GRACE_MS = 20_000

/** Refusals that mean that there is nothing left to do: another process has the assignment, or it is at its end. */
const SUPERSEDED: ReadonlySet<string> = new Set(['STALE_EPOCH', 'ASSIGNMENT_ENDED'])

// Whoever reads our log may leave before us.
process.stdout.on('error', () => {})
process.exit(await main(process.env))

/** From the environment to the exit code. */
async function main(env: NodeJS.ProcessEnv): Promise<number> {
  let fields: LogFields = env['WORKER_NAME'] === undefined ? {} : { worker: env['WORKER_NAME'] }
  const log = (level: 'error' | 'warn' | 'info' | 'debug') =>
    createLog('worker', level, (line) => process.stdout.write(`${line}\n`)).with(fields)
  process.on('uncaughtException', (error) => {
    log('debug').error('worker failed', { error })
    process.exit(EXIT.failed)
  })
  try {
    const worker = await prepare(env)
    fields = worker.logFields
    return await work(worker, log(worker.environment.LOG_LEVEL))
  } catch (error) {
    if (!(error instanceof EnvironmentError)) {
      log('debug').error('worker failed', { error })
      return EXIT.failed
    }
    log('error').error('wrong environment', { problem: error.message })
    return EXIT.wrongEnvironment
  }
}

async function prepare(env: NodeJS.ProcessEnv): Promise<Worker> {
  const kind = await findKind(env['WORKER_KIND'] ?? '')
  if (kind === null) throw new EnvironmentError(`WORKER_KIND must be one of: ${KIND_NAMES.join(', ')}`)
  return kind(env)
}

async function work(worker: Worker, log: Log): Promise<number> {
  const { WORKER_NAME, WORKER_TOKEN, GATEWAY_URL, GATEWAY_PIPE, HEALTH_PORT, TRACEPARENT } = worker.environment
  const lifetime = createLifetime(GRACE_MS)
  obeySignals(lifetime, log)
  if (GATEWAY_PIPE === '1') leaveWithGateway(log)
  let hasClaimed = false
  if (HEALTH_PORT !== undefined) await answerProbes(HEALTH_PORT, () => hasClaimed && !lifetime.stopping.aborted)

  const clock = createClock()
  const access = { gatewayUrl: GATEWAY_URL, workerName: WORKER_NAME, clock, log }
  const callGatewayAs = (token: string, traceparent?: string) =>
    createCallGateway({ ...access, token, trace: readTraceparent(traceparent) })
  const callGateway = callGatewayAs(WORKER_TOKEN, TRACEPARENT)
  const claimant = crypto.randomUUID()
  const request: ClaimRequest = { claimant }
  const callback = { method: 'POST', path: `${worker.path}/claim`, body: JSON.stringify(request) }
  const claimed = await callGateway(callback, lifetime.stopping)
  if (claimed.kind !== 'accepted') return exitCode(claimed, log)
  const claim = v.parse(Claim, claimed.body)
  hasClaimed = true
  log.info('assignment claimed', { epoch: claim.epoch, is_resumed: claim.resume !== null })
  const assignment = { claim, claimant, callGateway, callGatewayAs, clock: clock.settled(), lifetime, log }
  return exitCode(await worker.run(assignment), log)
}

/** Loaded only where it is needed: a worker without probes spends no memory on a server. */
async function answerProbes(port: number, isReady: () => boolean): Promise<void> {
  const { startHealthServer } = await import('./platform/health-server.ts')
  await startHealthServer(port, isReady)
}

function obeySignals(lifetime: Lifetime, log: Log): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info('stopping', { signal })
      lifetime.stop()
    })
  }
}

/** A worker of this machine does not outlive its gateway: the next one starts it again. */
function leaveWithGateway(log: Log): void {
  const leave = () => {
    log.warn('gateway gone, leaving')
    process.exit(EXIT.gatewayGone)
  }
  process.stdin.on('end', leave).on('error', leave).resume()
}

function exitCode(outcome: Outcome, log: Log): number {
  switch (outcome.kind) {
    case 'finished':
      log.info('worker finished')
      return EXIT.finished
    case 'aborted':
      log.warn('worker stopped before everything was told')
      return EXIT.finished
    case 'refused': {
      const { status, code, message } = outcome
      log.warn('gateway refused', { status, code, reason: message })
      return SUPERSEDED.has(code) ? EXIT.finished : EXIT.refused
    }
  }
}
