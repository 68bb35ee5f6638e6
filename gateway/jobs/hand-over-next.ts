import type { JobReport, NextTask } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { answerReusedClaim } from '../workers/claim-assignment.ts'
import type { Assignment } from '../workers/store/assignments.ts'
import { listUnacknowledged } from '../workers/store/reused-workers.ts'
import { countEncodeWorkers } from './capacity.ts'
import type { JobsContext, JobsContextSettings } from './context.ts'
import { JOB_KIND } from './job-worker.ts'
import { workerToken } from './pod.ts'
import { handOverWaitingTasks } from './store/handovers.ts'
import { lockTaskStarts, type TaskWithJob } from './store/tasks.ts'
import { taskSpecFor } from './task-spec.ts'
import type { WorkerReport } from './worker-report.ts'

/**
 * Hands waiting tasks over to a running worker that has room, and publishes the jobs that start. A worker whose
 * task is done takes the next one, which saves a launch; a busy worker takes more only where no other may be launched.
 */
export async function handOverNext(
  tx: Tx,
  { jobs: { maxWorkers, maxConcurrent } }: Pick<JobsContextSettings, 'jobs'>,
  assignment: Assignment,
  report: WorkerReport,
): Promise<TaskWithJob[]> {
  const limit = freeRoomOf(report, maxConcurrent)
  if (limit === 0 || assignment.launchedBy === null) return []
  if (report.state !== 'done') {
    await lockTaskStarts(tx)
    if ((await countEncodeWorkers(tx)) < maxWorkers) return []
  }
  return handOverWaitingTasks(tx, limit, {
    host: report.worker,
    owner: assignment.launchedBy,
    claimant: report.claimant ?? null,
  })
}

/**
 * Returns how many tasks a worker may take after a report: none after a failure, since a worker whose store is away or
 * whose disk is full would fail all of them.
 */
function freeRoomOf({ state, room }: JobReport, maxConcurrent: number): number {
  return state === 'failed' ? 0 : Math.min(room, maxConcurrent)
}

/**
 * Returns the tasks that a worker was given and has not reported on: it may not know of them, and claims them again.
 */
export async function listUnacknowledgedTasks({ db, settings }: JobsContext, worker: string): Promise<NextTask[]> {
  const ids = await listUnacknowledged(db, worker)
  return ids.map((id) => presentTaskKey(settings, id, worker))
}

/**
 * Returns the tasks that a worker was given as its answer names them: with the token of each, and the claim made for
 * it.
 */
export function presentNextTasks(
  context: JobsContext,
  tasks: readonly TaskWithJob[],
  { claimant, worker }: WorkerReport,
): Promise<NextTask[]> {
  return Promise.all(
    tasks.map(async (next) => {
      const { id } = next.task
      const { traceparent } = next.job
      const key = { ...presentTaskKey(context.settings, id, worker), ...(traceparent === null ? {} : { traceparent }) }
      const order = claimant === undefined ? null : await taskSpecFor(context, next)
      // A worker learns that the job has ended when it claims the task.
      if (order === null || order === 'job_ended') return key
      return { ...key, claim: { ...answerReusedClaim(context, { kind: JOB_KIND, id }), order } }
    }),
  )
}

function presentTaskKey(settings: Pick<JobsContextSettings, 'keys'>, id: string, worker: string): NextTask {
  return { task_id: id, token: workerToken(settings, id, worker) }
}
