import type { WorkerRole, WorkerSpec } from '../../ports/launcher.ts'
import type { AttemptRule } from '../../workers/attempts.ts'
import type { LiveContextSettings } from '../context.ts'
import { chooseStorage } from '../choose-storage.ts'

/** The kind under which the worker that removes and moves stored files goes. */
export const STORAGE_KIND = 'storage'

/** The only assignment of this kind: two workers would do the same twice. */
export const STORAGE_ID = 'storage-0'

/** Tasks that three workers could not do are tried again later. */
export const STORAGE_ATTEMPTS: AttemptRule = { max: 3, stableAfterSec: null }

const WORK_DIR = '/tmp/live'

/** Returns the role of this worker in a cluster. */
export function storageRole(): WorkerRole {
  return {
    kind: STORAGE_KIND,
    app: 'storage',
    idLabel: 'storage-id',
    workDir: WORK_DIR,
    workLimit: '16Mi',
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    ports: [],
    network: { ingress: 'none', egress: 'internet' },
    isMovable: true,
  }
}

/** Returns what to launch where tasks are due; its claim returns them. */
export function storageSpec(id: string, { live, gatewayUrl }: LiveContextSettings, token: string): WorkerSpec | null {
  const storage = chooseStorage(live.stores)
  if (storage === null) return null
  return {
    name: id,
    kind: STORAGE_KIND,
    assignmentId: id,
    secrets: live.stores.secretEnv,
    env: {
      ...live.workerEnv,
      ...live.stores.workerEnv,
      WORKER_KIND: STORAGE_KIND,
      WORKER_NAME: id,
      WORKER_TOKEN: token,
      GATEWAY_URL: gatewayUrl,
      STORAGE_ID: id,
      STORAGE_TYPE: storage,
    },
  }
}
