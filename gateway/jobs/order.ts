import type { JobOrder } from '../../shared/contract/jobs.ts'
import type { Context } from '../context.ts'
import { countWorkers } from './capacity.ts'
import { findJob, timeLeftMs, type Job } from './store.ts'
import { countWaiting, findTask, type Task } from './tasks/store.ts'

/** Where the workers of a job keep what is not for readers, below the root of its store. */
function partsKeyOf(jobId: string): string {
  return `.tallylight/${jobId}/`
}

/** What the worker of a task is to do, as things stand; `null` where there is no such task. */
export async function orderFor(context: Context, taskId: string): Promise<JobOrder | null> {
  const task = await findTask(context.db, taskId)
  const job = task === null ? null : await findJob(context.db, task.jobId)
  if (task === null || job === null) return null
  const common = { ...commonOf(job), time_left_ms: await timeLeftMs(context.db, job.id) }
  return toOrder(task, job, common, await freeWorkers(context))
}

function toOrder(task: Task, job: Job, common: ReturnType<typeof commonOf> & { time_left_ms: number }, free: number) {
  const { plan } = job
  switch (task.task) {
    case 'encode':
      return { task: 'encode', ...common, chunks: job.chunks, free_workers: free } as const
    case 'chunk':
      return plan === null || task.chunk === null
        ? null
        : ({ task: 'chunk', ...common, plan, chunk: task.chunk } as const)
    case 'join':
      return plan === null ? null : ({ task: 'join', ...common, plan } as const)
    case 'sweep':
      return { task: 'sweep', ...common } as const
  }
}

function commonOf(job: Job) {
  return {
    job_id: job.id,
    input_url: job.inputUrl,
    clip: job.clip,
    preset_name: job.presetName,
    preset: job.preset,
    output: { storage: job.storage, path: job.path, type: job.outputType },
    thumbnails: job.thumbnails,
    parts_key: partsKeyOf(job.id),
  }
}

/** Workers that could be started now without anybody who waits going short. */
async function freeWorkers({ db, settings }: Context): Promise<number> {
  const [running, waiting] = await Promise.all([countWorkers(db), countWaiting(db)])
  return Math.max(0, settings.jobs.maxWorkers - running - waiting)
}
