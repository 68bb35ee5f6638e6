import { deriveWorkerToken } from '../../shared/signing.ts'
import type { Settings } from '../config.ts'
import type { AttemptRule } from '../workers/attempts.ts'
import type { WorkerRole, WorkerSpec } from '../workers/launcher.ts'
import type { Launch } from '../workers/store.ts'
import type { Job } from './store.ts'

/** The kind under which jobs' assignments and workers go. */
export const JOB_KIND = 'job'

/** Three in all: what fails three times will fail again. */
export const JOB_ATTEMPTS: AttemptRule = { max: 3, forgivesStable: false }

/** What a job's worker is to a cluster. */
export function jobRole({ jobs }: Pick<Settings, 'jobs'>): WorkerRole {
  return {
    kind: JOB_KIND,
    app: 'encode',
    idLabel: 'job-id',
    workDir: jobs.workDir,
    workLimit: jobs.diskLimit,
    resources: jobs.resources,
  }
}

/** The name of a job's worker: each attempt has one of its own. */
export function workerNameOf({ id, launch }: Launch): string {
  return `${workerPrefixOf(id)}${launch}`
}

/** What the names of all workers of a task begin with; the number of the launch follows. */
export function workerPrefixOf(taskId: string): string {
  return `encode-${taskId}-`
}

/** The key by which a worker speaks of a task: each attempt, and whoever is handed one, has its own. */
export function workerToken({ keys }: Pick<Settings, 'keys'>, taskId: string, worker: string): string {
  return deriveWorkerToken(keys.INTERNAL_API_KEY, JOB_KIND, taskId, worker)
}

/** What the JavaScript of a worker may take, in MB: splitting a source of hours lists each of its packets. */
const HEAP_MB = 512

/** What to launch for a task of a job; what it is to do it learns when it claims. */
export function workerSpec(
  launch: Launch,
  job: Pick<Job, 'traceparent'>,
  settings: Settings,
  token: string,
): WorkerSpec {
  const name = workerNameOf(launch)
  return {
    name,
    kind: JOB_KIND,
    assignmentId: launch.id,
    secrets: settings.jobs.secretEnv,
    env: {
      ...settings.jobs.workerEnv,
      WORKER_KIND: 'encode',
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      WORKER_NAME: name,
      WORKER_TOKEN: token,
      GATEWAY_URL: settings.gatewayUrl,
      JOB_ID: launch.id,
      ...(job.traceparent === null ? {} : { TRACEPARENT: job.traceparent }),
    },
  }
}
