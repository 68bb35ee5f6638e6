import { deriveWorkerToken } from '../../shared/signing.ts'
import type { System } from '../system.ts'
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
    nameOf: workerNameOf,
    async specFor({ db, settings }, id) {
      const monitor = await findMonitor(db, id)
      if (monitor === null) return null
      return workerSpec(monitor, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, MONITOR_KIND, id))
    },
    onLost: failLostMonitor,
  },
  tick: followSchedule,
  onWebhookExhausted: failUnreachableMonitor,
  capacity: capacityOf,
  readings: readMonitors,
}
