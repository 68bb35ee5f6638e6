import type { WorkerRole, WorkerSpec } from '../../ports/launcher.ts'
import type { AttemptRule } from '../../workers/attempts.ts'
import { CLIP_KIND } from '../clip-worker.ts'
import { chooseStorage } from '../choose-storage.ts'
import type { LiveContextSettings } from '../context.ts'

/** A clip that three workers could not cut is not tried again. */
export const CLIP_ATTEMPTS: AttemptRule = { max: 3, stableAfterSec: null }

const WORK_DIR = '/tmp/live'

/** Returns the role of these workers in a cluster. */
export function clipRole(): WorkerRole {
  return {
    kind: CLIP_KIND,
    app: 'clip',
    idLabel: 'clip-id',
    workDir: WORK_DIR,
    // Two minutes of the highest rendition, three times.
    workLimit: '2Gi',
    resources: { requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    ports: [],
    network: { ingress: 'none', egress: 'internet' },
    isMovable: false,
  }
}

/** Returns what to launch for a clip; its claim returns what the task is. */
export function clipSpec(id: string, { live, gatewayUrl }: LiveContextSettings, token: string): WorkerSpec {
  return {
    name: id,
    kind: CLIP_KIND,
    assignmentId: id,
    secrets: live.stores.secretEnv,
    env: {
      ...live.workerEnv,
      ...live.stores.workerEnv,
      WORKER_KIND: CLIP_KIND,
      WORKER_NAME: id,
      WORKER_TOKEN: token,
      GATEWAY_URL: gatewayUrl,
      CLIP_ID: id,
      STORAGE_TYPE: chooseStorage(live.stores) ?? '',
      WORK_DIR,
    },
  }
}
