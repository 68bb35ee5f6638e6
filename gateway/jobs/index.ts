import { apiKeyAuthentication } from '../http/authentication.ts'
import { mediaRoutes } from '../media/routes.ts'
import { OFTEN_MS, RARELY_MS, taskAtInterval, type PeriodicTask } from '../scheduler/periodic-task.ts'
import { readStoreSettings } from '../settings/stores.ts'
import type { SystemConfiguration, MountedSystem, OwnFile, System, SystemSurroundings } from '../system.ts'
import type { WorkerKind } from '../workers/worker-kind.ts'
import { callbackRoutes } from './callbacks.ts'
import { giveUpCleanups } from './cleanups.ts'
import type { JobsContext } from './context.ts'
import { endOrphanedTasks } from './end-job.ts'
import { JOB_ERRORS } from './errors.ts'
import { jobCapacity, readJobGauges } from './gauges.ts'
import { expireJobs } from './expire-jobs.ts'
import { handleTaskLoss } from './handle-task-loss.ts'
import { JOB_METRICS } from './metrics.ts'
import { JOB_ATTEMPTS, JOB_KIND, workerNameOf } from './job-worker.ts'
import { jobRole, workerSpec, workerToken } from './pod.ts'
import { readPresets } from './read-presets.ts'
import { jobRoutes } from './routes.ts'
import { JOBS_SECTION, readJobSettings } from './settings.ts'
import { startWaitingTasks } from './start-waiting-tasks.ts'
import { DEADLINE_DUE_IN_MS, TASKS_ARE_ORPHANED, TASKS_WAIT } from './store/due-times.ts'
import { findJob } from './store/jobs.ts'
import { deleteOldProgress } from './store/progress-events.ts'
import { findTask, listTasks } from './store/tasks.ts'

/** The presets that come with the gateway. */
export const OWN_PRESETS: OwnFile = { path: 'jobs/presets.yaml', bundled: () => import('./presets.yaml') }

/** Jobs: each encodes one file. */
export const jobs: System = {
  name: 'jobs',
  settings: JOBS_SECTION,
  errors: Object.values(JOB_ERRORS),
  metrics: JOB_METRICS,
  idFields: { job: 'job_id', task: 'task_id' },
  configure,
}

async function configure({ env, settings: kernel, ...surroundings }: SystemSurroundings): Promise<SystemConfiguration> {
  const presets = readPresets(await surroundings.readText('PRESETS_FILE', OWN_PRESETS))
  const stores = readStoreSettings(env, { ...surroundings, runsPods: kernel.cluster !== null })
  const settings = readJobSettings(env, { stores, workerEnv: kernel.workerEnv, presets })
  return {
    workerRoles: [jobRole({ jobs: settings })],
    mount: (context) => mount({ ...context, settings: { ...context.settings, jobs: settings } }),
  }
}

function mount(context: JobsContext): MountedSystem {
  const { keys, jobs: settings } = context.settings
  const { storageDir } = settings.stores
  const store = storageDir === null ? null : (context.openFolder?.(storageDir) ?? null)
  return {
    name: 'jobs',
    api: {
      paths: ['jobs', 'presets'],
      authentication: apiKeyAuthentication(keys.API_KEY),
      routes: jobRoutes(context),
    },
    callbacks: callbackRoutes(context),
    publicRoutes: mediaRoutes(store),
    workerKinds: [workerKind(context)],
    periodicTasks: periodicTasks(context),
    onWebhookExhausted: async () => {},
    capacity: () => jobCapacity(context),
    readGauges: () => readJobGauges(context),
  }
}

function workerKind({ db, settings }: JobsContext): WorkerKind {
  return {
    kind: JOB_KIND,
    attempts: JOB_ATTEMPTS,
    nameOf: workerNameOf,
    async subjectsOf(ids) {
      const tasks = await listTasks(db, ids)
      return new Map(tasks.map(({ id, jobId, task }) => [id, { job_id: jobId, task }]))
    },
    async specFor(launch) {
      const task = await findTask(db, launch.id)
      const job = task === null ? null : await findJob(db, task.jobId)
      if (job === null) return null
      return workerSpec(launch, job, settings, workerToken(settings, launch.id, workerNameOf(launch)))
    },
    onLost: handleTaskLoss,
  }
}

function periodicTasks(context: JobsContext): PeriodicTask[] {
  return [
    { name: 'start waiting jobs', everyMs: 0, dueInMs: TASKS_WAIT, run: () => startWaitingTasks(context) },
    taskAtInterval('expire jobs', OFTEN_MS, () => expireJobs(context), DEADLINE_DUE_IN_MS),
    taskAtInterval('end tasks of ended jobs', OFTEN_MS, () => endOrphanedTasks(context), TASKS_ARE_ORPHANED),
    taskAtInterval('give up cleanups', RARELY_MS, () => giveUpCleanups(context)),
    taskAtInterval('delete old progress', RARELY_MS, () => deleteOldProgress(context.db)),
  ]
}
