import type { Settings } from '../config.ts'
import type { WorkerRole, WorkerSpec } from '../workers/launcher.ts'
import type { Monitor } from './store.ts'

/** The kind under which monitors' assignments and workers go. */
export const MONITOR_KIND = 'monitor'

/** What a monitor's worker is to a cluster. */
export function monitorRole({ monitorResources }: Pick<Settings, 'monitorResources'>): WorkerRole {
  return {
    kind: MONITOR_KIND,
    app: 'stream-monitor',
    idLabel: 'monitor-id',
    workDir: '/tmp/segments',
    // A handful of segments of 10 MB each, at the most.
    workLimit: '256Mi',
    resources: monitorResources,
  }
}

/** The name of a monitor's worker. */
export function workerNameOf(monitorId: string): string {
  return `stream-monitor-${monitorId}`
}

/** What the JavaScript of a worker may take, in MB: a segment is outside of it. */
const HEAP_MB = 96

/** What to launch for a monitor: its environment is all that the worker knows before it claims. */
export function workerSpec(monitor: Monitor, settings: Settings, token: string): WorkerSpec {
  const name = workerNameOf(monitor.id)
  return {
    name,
    kind: MONITOR_KIND,
    assignmentId: monitor.id,
    env: {
      ...settings.workerEnv,
      WORKER_KIND: MONITOR_KIND,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      WORKER_NAME: name,
      WORKER_TOKEN: token,
      GATEWAY_URL: settings.gatewayUrl,
      MONITOR_ID: monitor.id,
      STREAM_URL: monitor.streamUrl,
      CALLBACK_URL: monitor.callbackUrl,
      CONFIG_JSON: JSON.stringify(monitor.config),
      METADATA_JSON: JSON.stringify(monitor.metadata),
      ...(monitor.traceparent === null ? {} : { TRACEPARENT: monitor.traceparent }),
    },
  }
}
