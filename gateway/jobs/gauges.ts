import type { GaugeSample } from '../ports/metrics.ts'
import type { Capacity } from '../system.ts'
import { countEncodeWorkers } from './capacity.ts'
import type { JobsContext } from './context.ts'
import { ENCODE_WORKERS_LIMIT, JOB_QUEUE_DEPTH, JOBS_BY_STATUS } from './metrics.ts'
import { JOB_STATUSES } from './status.ts'
import { countJobsByStatus } from './store/jobs.ts'
import { countWaitingTasks } from './store/tasks.ts'

/** Returns how many workers encode, and how many may. */
export async function jobCapacity({ db, settings }: JobsContext): Promise<Capacity> {
  return { used: await countEncodeWorkers(db), limit: settings.jobs.maxWorkers }
}

/** Returns the sampled gauges of jobs. */
export async function readJobGauges({ db, settings }: JobsContext): Promise<readonly GaugeSample[]> {
  const [counts, waiting] = await Promise.all([countJobsByStatus(db), countWaitingTasks(db)])
  return [
    ...JOB_STATUSES.map((status): GaugeSample => {
      const value = counts.find((row) => row.status === status)?.jobs ?? 0
      return { metric: JOBS_BY_STATUS, labels: { status }, value }
    }),
    { metric: JOB_QUEUE_DEPTH, labels: {}, value: waiting },
    { metric: ENCODE_WORKERS_LIMIT, labels: {}, value: settings.jobs.maxWorkers },
  ]
}
