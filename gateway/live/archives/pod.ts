import type { WorkerRole, WorkerSpec } from '../../ports/launcher.ts'
import type { AttemptRule } from '../../workers/attempts.ts'
import { ARCHIVE_KIND } from '../archive-worker.ts'
import type { LiveContextSettings } from '../context.ts'
import { chooseStorage } from '../choose-storage.ts'

/** A recording that three workers could not make is not tried again. */
export const ARCHIVE_ATTEMPTS: AttemptRule = { max: 3, stableAfterSec: null }

const WORK_DIR = '/tmp/live'

/** Returns the role of these workers in a cluster. */
export function archiveRole(): WorkerRole {
  return {
    kind: ARCHIVE_KIND,
    app: 'archive',
    idLabel: 'archive-id',
    workDir: WORK_DIR,
    // Twice the largest recording: its runs, and the whole.
    workLimit: '100Gi',
    resources: { requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    ports: [],
    network: { ingress: 'none', egress: 'internet' },
    isMovable: false,
  }
}

/** Returns what to launch for a recording; its claim returns what the task is. */
export function archiveSpec(id: string, { live, gatewayUrl }: LiveContextSettings, token: string): WorkerSpec {
  return {
    name: id,
    kind: ARCHIVE_KIND,
    assignmentId: id,
    secrets: live.stores.secretEnv,
    env: {
      ...live.workerEnv,
      ...live.stores.workerEnv,
      WORKER_KIND: ARCHIVE_KIND,
      WORKER_NAME: id,
      WORKER_TOKEN: token,
      GATEWAY_URL: gatewayUrl,
      ARCHIVE_ID: id,
      STORAGE_TYPE: chooseStorage(live.stores) ?? '',
      WORK_DIR,
    },
  }
}
