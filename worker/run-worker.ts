import * as v from 'valibot'

import { Claim, type ClaimRequest, type WorkerPolicy } from '../shared/contract/assignment.ts'
import { createLog, type Log, type LogFields } from '../shared/log.ts'
import { parseTraceparent } from '../shared/trace.ts'
import { EnvironmentError, type WorkerEnvironment } from './environment.ts'
import type { PreparedWorker, WorkerOutcome } from './kind.ts'
import { findKind, KIND_NAMES } from './kinds.ts'
import { createGatewayCaller } from './platform/callback.ts'
import { createPolicyKeeper } from './platform/changing-policy.ts'
import { createClock } from './platform/clock.ts'
import { createLifetime, type Lifetime } from './platform/lifetime.ts'

/** Exit codes, by which a launcher distinguishes how a worker ended. */
export const EXIT = { finished: 0, failed: 1, wrongEnvironment: 2, gatewayGone: 3, refused: 4 } as const

/** Time after a stop to finish the current work and send the last reports. Launchers kill after 30 s. */
const GRACE_MS = 20_000

/** Refusals after which no work is left: another process has the assignment, or the assignment has ended. */
const SUPERSEDED: ReadonlySet<string> = new Set(['STALE_EPOCH', 'ASSIGNMENT_ENDED'])

/** A worker that is about to claim its assignment. */
export type StartingWorker = {
  readonly environment: WorkerEnvironment
  readonly lifetime: Lifetime
  readonly log: Log
  /** Reports whether it works on its assignment. */
  isReady(): boolean
}

/** The process around a worker. */
export type WorkerProcess = {
  /** Receives each line of the worker's log. */
  readonly writeLine: (line: string) => void
  /** Called before the claim: the process ties the worker's lifetime to its own. */
  readonly onStart: (worker: StartingWorker) => Promise<void>
}

/** Runs the worker that an environment describes until its end, and returns its exit code. */
export async function runWorker(env: NodeJS.ProcessEnv, { writeLine, onStart }: WorkerProcess): Promise<number> {
  let fields: LogFields = env['WORKER_NAME'] === undefined ? {} : { worker: env['WORKER_NAME'] }
  const log = (level: 'error' | 'warn' | 'info' | 'debug') => createLog('worker', level, writeLine).with(fields)
  try {
    const worker = await prepareWorker(env)
    fields = worker.logFields
    return await workOnAssignment(worker, log(worker.environment.LOG_LEVEL), onStart)
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
async function workOnAssignment(worker: PreparedWorker, log: Log, onStart: WorkerProcess['onStart']): Promise<number> {
  const { environment } = worker
  const { WORKER_NAME, WORKER_TOKEN, GATEWAY_URL, TRACEPARENT } = environment
  const lifetime = createLifetime(GRACE_MS)
  let hasClaimed = false
  await onStart({ environment, lifetime, log, isReady: () => hasClaimed && !lifetime.stopping.aborted })

  const clock = createClock()
  const { policy, allowPrivateNetworks } = createPolicyKeeper()
  const onPolicy = (stated: WorkerPolicy) => allowPrivateNetworks(stated.allow_private_networks)
  const access = { gatewayUrl: GATEWAY_URL, workerName: WORKER_NAME, clock, onPolicy, log }
  const createCaller = (token: string, traceparent?: string) =>
    createGatewayCaller({ ...access, token, trace: parseTraceparent(traceparent) })
  const callGateway = createCaller(WORKER_TOKEN, TRACEPARENT)
  const claimant = crypto.randomUUID()
  const request: ClaimRequest = { claimant }
  const callback = { method: 'POST', path: `${worker.assignmentPath}/claim`, body: JSON.stringify(request) }
  const claimed = await callGateway(callback, lifetime.stopping)
  if (claimed.kind !== 'accepted') return concludeWork(claimed, log)
  const claim = v.parse(Claim, claimed.body)
  onPolicy(claim.policy)
  hasClaimed = true
  log.info('assignment claimed', { epoch: claim.epoch, is_resumed: claim.resume !== null })
  const clocks = { clock: clock.detach(), gatewayClock: clock }
  const means = { callGateway, createGatewayCaller: createCaller, policy, ...clocks, lifetime, log }
  return concludeWork(await worker.run({ claim, claimant, ...means }), log)
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
