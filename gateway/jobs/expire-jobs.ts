import type { JobsContext } from './context.ts'
import { endOpenTasks, failJob } from './end-job.ts'
import { listJobsPastDeadline } from './store/jobs.ts'

/** Fails the jobs that have run for longer than their timeout. */
export async function expireJobs(context: JobsContext): Promise<void> {
  for (const id of await listJobsPastDeadline(context.db)) {
    const failure = { code: 'JOB_TIMEOUT', message: 'the job was not done within its timeout_sec' }
    if (!(await context.transact((tx) => failJob(tx, id, failure)))) continue
    context.notifier.notify(id)
    await endOpenTasks(context, id)
    context.log.warn('job timed out', { job_id: id })
    context.wake()
  }
}
