import { PEER_PORT, type WorkerRole, type WorkerSpec } from '../../ports/launcher.ts'
import type { AttemptRule } from '../../workers/attempts.ts'
import { BROADCAST_KIND } from '../broadcast-worker.ts'
import { chooseStorage } from '../choose-storage.ts'
import type { LiveContextSettings } from '../context.ts'
import type { LiveSettings } from '../settings.ts'

/**
 * A live worker runs as long as its broadcast, so failures of hours ago do not count. Viewers wait for its successor: one
 * that has reported some segments is replaced at once, however often.
 */
export const BROADCAST_ATTEMPTS: AttemptRule = { max: 10, stableAfterSec: 5 }

const WORK_DIR = '/tmp/live'

/** Returns the role of live workers in a cluster. */
export function broadcastRole({ resources }: Pick<LiveSettings, 'resources'>): WorkerRole {
  return {
    kind: BROADCAST_KIND,
    app: 'live',
    idLabel: 'stream-id',
    workDir: WORK_DIR,
    workLimit: '1Gi',
    resources,
    ports: [{ name: 'parts', port: PEER_PORT }],
    network: { ingress: 'cluster', egress: 'internet' },
    isMovable: false,
  }
}

/** Limit of the JavaScript heap, in MB; segments and parts lie outside of it. */
const HEAP_MB = 128

/** Returns what to launch for a broadcast; its claim returns what the task is. */
export function broadcastSpec(id: string, settings: LiveContextSettings, token: string): WorkerSpec {
  const { live, gatewayUrl, cluster } = settings
  return {
    name: id,
    kind: BROADCAST_KIND,
    assignmentId: id,
    secrets: live.stores.secretEnv,
    env: {
      ...live.workerEnv,
      ...live.stores.workerEnv,
      WORKER_KIND: BROADCAST_KIND,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      WORKER_NAME: id,
      WORKER_TOKEN: token,
      GATEWAY_URL: gatewayUrl,
      BROADCAST_ID: id,
      STORAGE_TYPE: chooseStorage(live.stores) ?? '',
      WORK_DIR,
      ...(cluster === null ? {} : { PARTS_PORT: String(PEER_PORT) }),
    },
  }
}
