import type { Context } from '../context.ts'
import { reasonLabel } from '../metrics/metrics.ts'
import { afterLoss, type AfterLoss } from './attempts.ts'
import type { WorkerKind, WorkerLoss } from './kind.ts'
import { giveUp, logId, scheduleRelaunch, type Assignment, type Launch } from './store.ts'

export type Lost = {
  readonly loss: WorkerLoss
  /** No further worker is launched, whatever attempts remain. */
  readonly forGood: boolean
}

/** What follows the loss of the worker of one launch. */
export function nextAfter(kind: WorkerKind, { attempts }: Pick<Assignment, 'attempts'>, forGood: boolean): AfterLoss {
  return forGood ? { kind: 'give_up' } : afterLoss(attempts, kind.attempts)
}

/**
 * Settles the loss of the worker of one launch: another one is launched after a pause, which resumes where the last
 * report was, or, when its attempts are used up, the assignment ends. Of several gateways that see the loss, one acts.
 */
export async function loseWorker(
  context: Context,
  kind: WorkerKind,
  lost: Launch & Pick<Assignment, 'kind' | 'epoch' | 'attempts'>,
  { loss, forGood }: Lost,
): Promise<void> {
  const { metrics } = context
  const labels = { kind: lost.kind, reason: reasonLabel(loss.terminationReason) }
  const next = nextAfter(kind, lost, forGood)
  const fields = { ...logId(lost), worker: loss.workerName, epoch: lost.epoch, attempt: lost.attempts }
  if (next.kind === 'relaunch') {
    const first = await scheduleRelaunch(context.db, lost, { afterMs: next.afterMs, attempts: lost.attempts })
    if (first) {
      metrics.count('tallylight_worker_losses_total', { ...labels, next: 'relaunch' })
      context.log.warn('worker lost; launching another', { ...fields, ...reasonOf(loss), after_ms: next.afterMs })
    }
  } else {
    const first = await context.transact(async (tx) => {
      const ended = await giveUp(tx, lost)
      if (ended) await kind.onLost(tx, lost.id, loss)
      return ended
    })
    if (first) {
      metrics.count('tallylight_worker_losses_total', { ...labels, next: 'give_up' })
      context.log.error('worker lost for good', { ...fields, ...reasonOf(loss) })
    }
  }
  context.wake()
}

function reasonOf(loss: WorkerLoss): Record<string, unknown> {
  return {
    observed_state: loss.observedState,
    exit_code: loss.exitCode,
    termination_reason: loss.terminationReason,
    reason: loss.message,
  }
}
