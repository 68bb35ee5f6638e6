import { deriveWorkerToken } from '../../shared/net/signing.ts'
import type { WorkerRole, WorkerSpec } from '../ports/launcher.ts'
import type { Launch } from '../workers/store/assignments.ts'
import type { Job } from './store/jobs.ts'
import type { JobsContextSettings } from './context.ts'
import { JOB_KIND, workerNameOf } from './job-worker.ts'

/** Returns the role of an encode worker in a cluster. */
export function jobRole({ jobs }: Pick<JobsContextSettings, 'jobs'>): WorkerRole {
  return {
    kind: JOB_KIND,
    app: 'encode',
    idLabel: 'job-id',
    workDir: jobs.workDir,
    workLimit: jobs.diskLimit,
    resources: jobs.resources,
    ports: [],
    network: { ingress: 'none', egress: 'internet' },
    isMovable: false,
  }
}

/** Returns the token with which a worker signs its calls about a task; each worker of a task has its own. */
export function workerToken({ keys }: Pick<JobsContextSettings, 'keys'>, taskId: string, worker: string): string {
  return deriveWorkerToken(keys.INTERNAL_API_KEY, JOB_KIND, taskId, worker)
}

/** Heap limit of a worker, in MB: the split of a source of hours lists each of its packets. */
const HEAP_MB = 512

/** Returns the worker to launch for a task of a job; its claim returns what the task is. */
export function workerSpec(
  launch: Launch,
  job: Pick<Job, 'traceparent'>,
  settings: JobsContextSettings,
  token: string,
): WorkerSpec {
  const name = workerNameOf(launch)
  return {
    name,
    kind: JOB_KIND,
    assignmentId: launch.id,
    secrets: settings.jobs.stores.secretEnv,
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
