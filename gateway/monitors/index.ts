import { deriveWorkerToken } from '../../shared/net/signing.ts'
import { apiKeyAuthentication } from '../http/authentication.ts'
import { OFTEN_MS, taskAtInterval } from '../scheduler/periodic-task.ts'
import type { MountedSystem, System } from '../system.ts'
import type { WorkerKind } from '../workers/worker-kind.ts'
import { MONITOR_ATTEMPTS } from './attempts.ts'
import { callbackRoutes } from './callbacks.ts'
import type { MonitorsContext } from './context.ts'
import { MONITOR_ERRORS } from './errors.ts'
import { failLostMonitor, failUnreachableMonitor } from './fail-monitor.ts'
import { followSchedule } from './follow-schedule.ts'
import { monitorCapacity, readMonitorGauges } from './gauges.ts'
import { MONITOR_METRICS } from './metrics.ts'
import { MONITOR_KIND, monitorRole, workerNameOf, workerSpec } from './pod.ts'
import { describeResolver } from './resolver.ts'
import { monitorRoutes } from './routes.ts'
import { MONITORS_SECTION, readMonitorSettings } from './settings.ts'
import { findMonitor, SCHEDULE_DUE_IN_MS } from './store/monitors.ts'

/** Monitors: each follows one live stream. */
export const monitors: System = {
  name: 'monitors',
  settings: MONITORS_SECTION,
  errors: Object.values(MONITOR_ERRORS),
  metrics: MONITOR_METRICS,
  idFields: { mon: 'monitor_id' },
  async configure({ env, settings: { workerEnv }, installedResolver }) {
    const settings = readMonitorSettings(env, { workerEnv, installedResolver })
    return {
      workerRoles: [monitorRole(settings)],
      mount: (context) => mount({ ...context, settings: { ...context.settings, monitors: settings } }),
    }
  },
}

function mount(context: MonitorsContext): MountedSystem {
  const { API_KEY } = context.settings.keys
  return {
    name: 'monitors',
    api: { paths: ['monitors'], authentication: apiKeyAuthentication(API_KEY), routes: monitorRoutes(context) },
    callbacks: callbackRoutes(context),
    workerKinds: [workerKind(context)],
    periodicTasks: [
      taskAtInterval('follow schedules', OFTEN_MS, () => followSchedule(context), SCHEDULE_DUE_IN_MS),
      taskAtInterval('check the resolver', DAY_MS, async () => warnOfResolver(context)),
    ],
    facts: () => resolverFacts(context),
    onWebhookExhausted: failUnreachableMonitor,
    capacity: () => monitorCapacity(context),
    readGauges: () => readMonitorGauges(context),
  }
}

/** Interval of the check of yt-dlp's age. */
const DAY_MS = 86_400_000

/** Returns what is known of yt-dlp: nothing in a cluster, at the edge, and where a setting names another one. */
function resolverFacts({ settings }: MonitorsContext): Readonly<Record<string, unknown>> {
  const { resolver } = settings.monitors
  return resolver === null ? {} : { 'yt-dlp': describeResolver(resolver, Date.now()) }
}

function warnOfResolver({ settings, log }: MonitorsContext): void {
  const { resolver } = settings.monitors
  if (resolver === null) return
  const { version, problem } = describeResolver(resolver, Date.now())
  if (problem !== null) log.warn('yt-dlp may fail on YouTube', { version, problem })
}

function workerKind({ db, settings }: MonitorsContext): WorkerKind {
  return {
    kind: MONITOR_KIND,
    attempts: MONITOR_ATTEMPTS,
    nameOf: ({ id }) => workerNameOf(id),
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { monitor_id: id }])),
    async specFor({ id }) {
      const monitor = await findMonitor(db, id)
      if (monitor === null) return null
      return workerSpec(monitor, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, MONITOR_KIND, id))
    },
    onLost: failLostMonitor,
  }
}
