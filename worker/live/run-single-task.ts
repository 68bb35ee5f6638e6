import { HEARTBEAT_INTERVAL_MS, type CallNumber } from '../../shared/contract/assignment.ts'
import type { ClaimedAssignment, WorkerOutcome } from '../kind.ts'
import { createReportQueue } from '../platform/report-queue.ts'

export type SingleTask<Result> = {
  /** Path of the reports. */
  readonly path: string
  /** Composes a report; `result` is `null` in heartbeats. */
  readonly compose: (number: CallNumber, result: Result | null) => object
  /** Does the work. What it throws fails the worker. */
  readonly perform: () => Promise<Result>
}

/** Performs the one task of an assignment: heartbeats while it lasts, then a report with its result, then the end. */
export async function runSingleTask<Result>(
  { claim, callGateway, lifetime, log }: ClaimedAssignment,
  { path, compose, perform }: SingleTask<Result>,
): Promise<WorkerOutcome> {
  const reports = createReportQueue<Result | null>({
    epoch: claim.epoch,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    initialSnapshot: null,
    compose,
    send: (body, signal) => callGateway({ method: 'PUT', path, body }, signal),
    log,
    signal: lifetime.killed,
  })
  const done = reports.done.then((ended) => {
    // The task is another worker's now: this one stops at once.
    if (ended.kind === 'refused') lifetime.kill()
    return ended
  })
  reports.enqueue(await perform(), 'now')
  reports.close()
  const ended = await done
  return ended.kind === 'closed' ? { kind: 'finished' } : ended
}
