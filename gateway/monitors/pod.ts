import type { WorkerRole, WorkerSpec } from '../ports/launcher.ts'
import type { Monitor } from './store/monitors.ts'
import type { MonitorsContextSettings } from './context.ts'
import type { MonitorSettings } from './settings.ts'

/** The kind under which monitors' assignments and workers go. */
export const MONITOR_KIND = 'monitor'

/** Returns the labels, resources and network needs of monitors' workers in a cluster. */
export function monitorRole({ resources }: Pick<MonitorSettings, 'resources'>): WorkerRole {
  return {
    kind: MONITOR_KIND,
    app: 'stream-monitor',
    idLabel: 'monitor-id',
    workDir: '/tmp/segments',
    // Room for some segments of 10 MB each.
    workLimit: '256Mi',
    resources,
    ports: [],
    network: { ingress: 'none', egress: 'internet' },
    isMovable: true,
  }
}

/** Returns the name of a monitor's worker. */
export function workerNameOf(monitorId: string): string {
  return `stream-monitor-${monitorId}`
}

/** Limit of a process's JavaScript heap, in MB, and what each further worker in it adds; segments lie outside of it. */
const HEAP_MB = 96
const SHARED_HEAP_MB = 16

/** Returns what to launch for a monitor. Its environment is all that the worker knows before its claim. */
export function workerSpec(monitor: Monitor, settings: MonitorsContextSettings, token: string): WorkerSpec {
  const name = workerNameOf(monitor.id)
  const { perWorker } = settings.monitors
  return {
    name,
    kind: MONITOR_KIND,
    assignmentId: monitor.id,
    perProcess: perWorker,
    env: {
      ...settings.monitors.workerEnv,
      WORKER_KIND: MONITOR_KIND,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB + SHARED_HEAP_MB * (perWorker - 1)}`,
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
