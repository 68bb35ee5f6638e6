import type { Context } from '../context.ts'
import type { LaunchedWorker } from '../ports/launcher.ts'
import type { ReconcileAction } from './decide-action.ts'
import { decideNext, handleWorkerLoss, type WorkerLossCase } from './handle-worker-loss.ts'
import { WORKER_RESTARTS } from './metrics.ts'
import { reasonLabel } from './reason-label.ts'
import { hasLeaseExpired, recordLaunch, recordRestarts, scheduleRelaunch } from './store/assignments.ts'
import type { LaunchedAssignment } from './store/launched-assignments.ts'
import type { WorkerKind, WorkerLoss } from './worker-kind.ts'
import { assignedWorkerName } from './worker-names.ts'

/** An assignment with its worker, as the launcher listed it. */
export type AssignedWorker = {
  readonly assignment: LaunchedAssignment
  readonly worker: LaunchedWorker | undefined
  /** The worker reports on another assignment that it was given. */
  readonly isReporting: boolean
}

/** Carries out the action that was decided for an assignment. */
export async function applyAction(
  context: Context,
  kind: WorkerKind,
  { assignment, worker, isReporting }: AssignedWorker,
  action: ReconcileAction,
): Promise<void> {
  switch (action.kind) {
    case 'fine':
      return
    case 'adopt':
      return adopt(context, assignment, assignedWorkerName(kind, assignment))
    case 'note_restarts':
      return worker === undefined ? undefined : noteRestart(context, assignment, worker, action)
    case 'gone_with_gateway':
      return relaunchForDeadGateway(context, assignment, assignedWorkerName(kind, assignment))
    case 'expired':
      // The worker may have reported since the records were read.
      if (!(await hasLeaseExpired(context.db, assignment))) return
      // The next epoch excludes the worker from this assignment; a worker that reports on others goes on with them.
      return loseWorker(context, kind, assignment, {
        worker: isReporting ? undefined : worker,
        loss: action.loss,
        isPermanent: false,
      })
    case 'lost': {
      const { isPermanent, attempts } = action
      const loss = await withLastLines(context, worker, action.loss)
      return loseWorker(context, kind, { ...assignment, attempts }, { worker, loss, isPermanent })
    }
  }
}

/**
 * Handles a loss and stops its worker. The worker is stopped before a relaunch, which may use its name. A permanent loss
 * is recorded first; otherwise another gateway would see a missing worker and relaunch it.
 */
async function loseWorker(
  context: Context,
  kind: WorkerKind,
  lost: LaunchedAssignment,
  { worker, ...loss }: WorkerLossCase & Pick<AssignedWorker, 'worker'>,
): Promise<void> {
  const isRelaunched = decideNext(kind, lost, loss.isPermanent).kind === 'relaunch'
  if (isRelaunched) await stopLostWorker(context, worker)
  await handleWorkerLoss(context, kind, lost, loss)
  if (!isRelaunched) await stopLostWorker(context, worker)
}

/** Stops a worker; where that fails, the next reconciliation finds the worker again. */
async function stopLostWorker({ launcher }: Context, worker: LaunchedWorker | undefined): Promise<void> {
  if (worker !== undefined) await launcher.stop(worker, 0)
}

async function withLastLines(
  { launcher }: Context,
  worker: LaunchedWorker | undefined,
  loss: WorkerLoss,
): Promise<WorkerLoss> {
  if (worker === undefined || (worker.exit?.lastLines.length ?? 0) > 0) return loss
  const lines = await launcher.lastLines(worker)
  return lines.length > 0 ? { ...loss, message: lines.join('\n') } : loss
}

async function adopt(context: Context, assignment: LaunchedAssignment, worker: string): Promise<void> {
  const startupSec = context.settings.workerStartupTimeoutMs / 1000
  if (await recordLaunch(context.db, assignment, startupSec)) {
    context.log.info('worker adopted', { ...context.idFields(assignment.id), worker })
  }
}

async function noteRestart(
  context: Context,
  assignment: LaunchedAssignment,
  worker: LaunchedWorker,
  { restarts, attempts }: { readonly restarts: number; readonly attempts: number },
): Promise<void> {
  // A worker that waits for its next run needs no time to claim.
  const claimWithinSec = worker.phase === 'restarting' ? 0 : context.settings.workerStartupTimeoutMs / 1000
  if (!(await recordRestarts(context.db, assignment, { restarts, attempts }, claimWithinSec))) return
  const reason = reasonLabel(worker.exit?.reason ?? 'Error')
  context.metrics.count(WORKER_RESTARTS, { kind: assignment.kind, reason })
  context.log.warn('worker was started again by its launcher', {
    ...context.idFields(assignment.id),
    worker: worker.name,
    restarts,
    attempt: attempts,
    exit_code: worker.exit?.code,
    termination_reason: worker.exit?.reason,
  })
}

/** Relaunches a worker that ended with its gateway. That was no fault of the worker, so it costs no attempt. */
async function relaunchForDeadGateway(context: Context, assignment: LaunchedAssignment, worker: string): Promise<void> {
  const isFirst = await scheduleRelaunch(context.db, assignment, {
    afterMs: 0,
    attempts: Math.max(0, assignment.attempts - 1),
  })
  if (!isFirst) return
  context.log.warn('worker gone with its gateway; launching another', { ...context.idFields(assignment.id), worker })
  context.wake()
}
