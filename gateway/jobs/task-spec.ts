import type { TaskSpec } from '../../shared/contract/jobs.ts'
import { countEncodeWorkers } from './capacity.ts'
import type { JobsContext } from './context.ts'
import { partsKeyOf } from './store-keys.ts'
import { countWaitingTasks, type TaskWithJob } from './store/tasks.ts'

/** Returns what the worker of a task has to do; `null`: a chunk or join without its plan, which cannot be done. */
export async function taskSpecFor(
  context: Pick<JobsContext, 'db' | 'settings'>,
  { task, job, timeLeftMs, leftoverJobIds }: TaskWithJob,
): Promise<TaskSpec | 'job_ended' | null> {
  const common = { ...commonSpecOf(job), leftovers: leftoverJobIds.map(partsKeyOf), time_left_ms: timeLeftMs }
  const { plan } = job
  if (job.endedAt !== null && task.task !== 'sweep') return 'job_ended'
  switch (task.task) {
    case 'encode': {
      const free = job.chunks === 1 ? 0 : await countFreeWorkers(context)
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

function commonSpecOf(job: TaskWithJob['job']) {
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

/** Returns how many workers could be launched now beyond those that the waiting tasks need. */
async function countFreeWorkers({ db, settings }: Pick<JobsContext, 'db' | 'settings'>): Promise<number> {
  const [running, waiting] = await Promise.all([countEncodeWorkers(db), countWaitingTasks(db)])
  return Math.max(0, settings.jobs.maxWorkers - running - waiting)
}
