import type { JobReport, NextTask } from '../../shared/contract/jobs.ts'
import type { Settings } from '../config.ts'
import type { Context, Tx } from '../context.ts'
import { answerHosted } from '../workers/claim-assignment.ts'
import { listUnheardOf } from '../workers/hosted/store.ts'
import type { Assignment } from '../workers/store.ts'
import { hostWaiting, type Hosted } from './calls/store.ts'
import { countWorkers } from './capacity.ts'
import { JOB_KIND, workerToken } from './pod.ts'
import { orderFor } from './order.ts'
import { lockStarts, type Work } from './tasks/store.ts'

/** A report, and the name of the worker that sent it. */
export type WorkersReport = JobReport & { readonly worker: string }

/**
 * Gives waiting tasks to a worker that runs and has room. One that is done with its task takes the next, so that nothing
 * is started for it; one that is at work takes more only where no further worker may be started; who has failed takes
 * none: it may fail at everything, with a store that is away or a disk that is full. The jobs that begin so are yet to
 * be told of.
 */
export async function hostNext(
  tx: Tx,
  { jobs: { maxWorkers, maxConcurrent } }: Pick<Settings, 'jobs'>,
  assignment: Assignment,
  { state, room, claimant, worker }: WorkersReport,
): Promise<Hosted> {
  const most = state === 'failed' ? 0 : Math.min(room, maxConcurrent)
  if (most === 0 || assignment.launchedBy === null) return NOTHING
  if (state !== 'done') {
    await lockStarts(tx)
    if ((await countWorkers(tx)) < maxWorkers) return NOTHING
  }
  return hostWaiting(tx, most, {
    host: worker,
    owner: assignment.launchedBy,
    claimant: claimant ?? null,
  })
}

const NOTHING: Hosted = { works: [], started: [] }

/** The tasks that a worker was given, and may not know of; it claims them again, as the same or for the first time. */
export async function unheardOf({ db, settings }: Context, worker: string): Promise<NextTask[]> {
  const ids = await listUnheardOf(db, worker)
  return ids.map((id) => keyTo(settings, id, worker))
}

/** What a worker is told of the tasks that it was given: the key to each, and what it has claimed as `claimant`. */
export function presentNext(
  context: Context,
  works: readonly Work[],
  { claimant, worker }: WorkersReport,
): Promise<NextTask[]> {
  return Promise.all(
    works.map(async (work) => {
      const { traceparent } = work.job
      const key = { ...keyTo(context.settings, work.task.id, worker), ...(traceparent === null ? {} : { traceparent }) }
      const order = claimant === undefined ? null : await orderFor(context, work)
      // Where the job has ended just now, its worker learns so when it claims.
      if (order === null || order === 'job_ended') return key
      return { ...key, claim: { ...answerHosted(context, { kind: JOB_KIND, id: work.task.id }), order } }
    }),
  )
}

function keyTo(settings: Pick<Settings, 'keys'>, id: string, worker: string): NextTask {
  return { task_id: id, token: workerToken(settings, id, worker) }
}
