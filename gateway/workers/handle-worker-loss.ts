import type { Context } from '../context.ts'
import { reasonLabel } from './reason-label.ts'
import { afterLoss, type AfterLoss } from './attempts.ts'
import type { WorkerKind, WorkerLoss } from './worker-kind.ts'
import { giveUpAssignment, scheduleRelaunch, type Assignment, type Launch } from './store/assignments.ts'
import { WORKER_LOSSES } from './metrics.ts'

/** A loss, and whether it ends the assignment. */
export type WorkerLossCase = {
  readonly loss: WorkerLoss
  /** No further worker is launched, whatever attempts remain. */
  readonly isPermanent: boolean
}

/** Returns what follows a loss: a relaunch after a pause, or the end of the assignment. */
export function decideNext(
  kind: WorkerKind,
  { attempts }: Pick<Assignment, 'attempts'>,
  isPermanent: boolean,
): AfterLoss {
  return isPermanent ? { kind: 'give_up' } : afterLoss(attempts, kind.attempts)
}

/**
 * Handles the loss of a launch's worker: schedules a relaunch, which resumes from the last report, or ends the
 * assignment when its attempts are used up. Of several gateways that see the loss, one acts.
 */
export async function handleWorkerLoss(
  context: Context,
  kind: WorkerKind,
  lost: Launch & Pick<Assignment, 'kind' | 'epoch' | 'attempts'>,
  { loss, isPermanent }: WorkerLossCase,
): Promise<void> {
  const { metrics } = context
  const labels = { kind: lost.kind, reason: reasonLabel(loss.terminationReason) }
  const next = decideNext(kind, lost, isPermanent)
  const fields = { ...context.idFields(lost.id), worker: loss.workerName, epoch: lost.epoch, attempt: lost.attempts }
  if (next.kind === 'relaunch') {
    const isFirst = await scheduleRelaunch(context.db, lost, { afterMs: next.afterMs, attempts: lost.attempts })
    if (isFirst) {
      metrics.count(WORKER_LOSSES, { ...labels, next: 'relaunch' })
      context.log.warn('worker lost; launching another', { ...fields, ...lossFields(loss), after_ms: next.afterMs })
    }
  } else {
    const isFirst = await context.transact(async (tx) => {
      const ended = await giveUpAssignment(tx, lost)
      if (ended) await kind.onLost(tx, lost.id, loss)
      return ended
    })
    if (isFirst) {
      metrics.count(WORKER_LOSSES, { ...labels, next: 'give_up' })
      context.log.error('worker lost for good', { ...fields, ...lossFields(loss) })
    }
  }
  context.wake()
}

function lossFields(loss: WorkerLoss): Record<string, unknown> {
  return {
    observed_state: loss.observedState,
    exit_code: loss.exitCode,
    termination_reason: loss.terminationReason,
    reason: loss.message,
  }
}
