import type { JobOrder } from '../../shared/contract/jobs.ts'
import type { Context } from '../context.ts'
import { countWorkers } from './capacity.ts'
import { partsKeyOf } from './store-keys.ts'
import { countWaiting, type Work } from './tasks/store.ts'

/** What the worker of a task is to do, as things stand; `null` where it lacks what it should have. */
export async function orderFor(
  context: Pick<Context, 'db' | 'settings'>,
  { task, job, timeLeftMs, leftBy }: Work,
): Promise<JobOrder | 'job_ended' | null> {
  const common = { ...commonOf(job), leftovers: leftBy.map(partsKeyOf), time_left_ms: timeLeftMs }
  const { plan } = job
  if (job.endedAt !== null && task.task !== 'sweep') return 'job_ended'
  switch (task.task) {
    case 'encode': {
      const free = job.chunks === 1 ? 0 : await freeWorkers(context)
      return { task: 'encode', ...common, chunks: job.chunks, free_workers: free }
    }
    case 'chunk':
      return plan === null || task.chunk === null ? null : { task: 'chunk', ...common, plan, chunk: task.chunk }
    case 'join':
      return plan === null ? null : { task: 'join', ...common, plan }
    case 'sweep':
      return { task: job.status === 'completed' ? 'tidy' : 'sweep', ...common }
  }
}

function commonOf(job: Work['job']) {
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
async function freeWorkers({ db, settings }: Pick<Context, 'db' | 'settings'>): Promise<number> {
  const [running, waiting] = await Promise.all([countWorkers(db), countWaiting(db)])
  return Math.max(0, settings.jobs.maxWorkers - running - waiting)
}
