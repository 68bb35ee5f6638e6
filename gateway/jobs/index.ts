import type { System } from '../system.ts'
import { OFTEN_MS, quietly, RARELY_MS } from '../work.ts'
import { callbackRoutes } from './callbacks.ts'
import { endLeftTasks } from './end-job.ts'
import { capacityOf, readJobs } from './figures.ts'
import { failLostTask } from './lose-task.ts'
import { JOB_ATTEMPTS, JOB_KIND, jobRole, workerNameOf, workerSpec, workerToken } from './pod.ts'
import { expireJobs, startWaiting } from './queue.ts'
import { jobRoutes } from './routes.ts'
import { findJob, forgetOldUpdates } from './store.ts'
import { giveUpSweeps } from './sweeps.ts'
import { findTask, listTasks } from './tasks/store.ts'

/** Jobs: encoding a file. */
export const jobs: System = {
  name: 'jobs',
  api: jobRoutes,
  callbacks: callbackRoutes,
  workerKind: {
    kind: JOB_KIND,
    role: jobRole,
    attempts: JOB_ATTEMPTS,
    nameOf: workerNameOf,
    async whatRuns({ db }, ids) {
      const tasks = await listTasks(db, ids)
      return new Map(tasks.map(({ id, jobId, task }) => [id, { job_id: jobId, task }]))
    },
    async specFor({ db, settings }, launch) {
      const task = await findTask(db, launch.id)
      const job = task === null ? null : await findJob(db, task.jobId)
      if (job === null) return null
      return workerSpec(launch, job, settings, workerToken(settings, launch.id, workerNameOf(launch)))
    },
    onLost: failLostTask,
  },
  works: (context) => [
    { name: 'start waiting jobs', everyMs: 0, run: () => startWaiting(context) },
    { name: 'expire jobs', everyMs: OFTEN_MS, run: () => quietly(expireJobs(context)) },
    { name: 'end tasks of ended jobs', everyMs: OFTEN_MS, run: () => quietly(endLeftTasks(context)) },
    { name: 'give up sweeps', everyMs: RARELY_MS, run: () => quietly(giveUpSweeps(context)) },
    { name: 'forget old progress', everyMs: RARELY_MS, run: () => quietly(forgetOldUpdates(context.db)) },
  ],
  onWebhookExhausted: async () => {},
  capacity: capacityOf,
  readings: readJobs,
}
