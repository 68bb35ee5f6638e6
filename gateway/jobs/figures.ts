import type { Context } from '../context.ts'
import type { Reading } from '../metrics/figures.ts'
import type { Capacity } from '../workers/status/present.ts'
import { countWorkers } from './capacity.ts'
import { JOB_STATUSES } from './status.ts'
import { countByStatus } from './store.ts'
import { countWaiting } from './tasks/store.ts'

/** The workers that encode, and how many there may be. */
export async function capacityOf({ db, settings }: Context): Promise<Capacity> {
  return { used: await countWorkers(db), limit: settings.jobs.maxWorkers }
}

/** The figures of jobs that the database tells. */
export async function readJobs({ db, settings }: Context): Promise<readonly Reading[]> {
  const [counts, waiting] = await Promise.all([countByStatus(db), countWaiting(db)])
  return [
    ...JOB_STATUSES.map((status): Reading => {
      const value = counts.find((row) => row.status === status)?.jobs ?? 0
      return { name: 'tallylight_jobs', labels: { status }, value }
    }),
    { name: 'tallylight_job_queue_depth', labels: {}, value: waiting },
    { name: 'tallylight_encode_workers_limit', labels: {}, value: settings.jobs.maxWorkers },
  ]
}
