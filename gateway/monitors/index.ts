import { deriveWorkerToken } from '../../shared/signing.ts'
import type { System } from '../system.ts'
import { OFTEN_MS, quietly } from '../work.ts'
import { MONITOR_ATTEMPTS } from './attempts.ts'
import { callbackRoutes } from './callbacks.ts'
import { failLostMonitor, failUnreachableMonitor } from './fail-monitor.ts'
import { capacityOf, readMonitors } from './figures.ts'
import { followSchedule } from './follow-schedule.ts'
import { MONITOR_KIND, monitorRole, workerNameOf, workerSpec } from './pod.ts'
import { monitorRoutes } from './routes.ts'
import { findMonitor } from './store.ts'

/** Monitors: watching live streams. */
export const monitors: System = {
  name: 'monitors',
  api: monitorRoutes,
  callbacks: callbackRoutes,
  workerKind: {
    kind: MONITOR_KIND,
    role: monitorRole,
    attempts: MONITOR_ATTEMPTS,
    nameOf: ({ id }) => workerNameOf(id),
    whatRuns: async (_context, ids) => new Map(ids.map((id) => [id, { monitor_id: id }])),
    async specFor({ db, settings }, { id }) {
      const monitor = await findMonitor(db, id)
      if (monitor === null) return null
      return workerSpec(monitor, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, MONITOR_KIND, id))
    },
    onLost: failLostMonitor,
  },
  works: (context) => [{ name: 'follow schedules', everyMs: OFTEN_MS, run: () => quietly(followSchedule(context)) }],
  onWebhookExhausted: failUnreachableMonitor,
  capacity: capacityOf,
  readings: readMonitors,
}
