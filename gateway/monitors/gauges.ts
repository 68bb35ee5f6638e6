import type { GaugeSample } from '../ports/metrics.ts'
import type { Capacity } from '../system.ts'
import type { MonitorsContext } from './context.ts'
import { MONITORS_BY_STATUS, MONITORS_LIMIT } from './metrics.ts'
import { readResolverGauge } from './resolver.ts'
import { MONITOR_STATUSES } from './status.ts'
import { countActiveMonitors, countMonitorsByStatus } from './store/monitors.ts'

/** Returns how many monitors are active, and how many may be. */
export async function monitorCapacity({ db, settings }: MonitorsContext): Promise<Capacity> {
  return { used: await countActiveMonitors(db), limit: settings.monitors.maxMonitors }
}

/** Returns the sampled gauges of monitors. */
export async function readMonitorGauges({ db, settings }: MonitorsContext): Promise<readonly GaugeSample[]> {
  const counts = await countMonitorsByStatus(db)
  return [
    ...MONITOR_STATUSES.map((status): GaugeSample => {
      const value = counts.find((row) => row.status === status)?.monitors ?? 0
      return { metric: MONITORS_BY_STATUS, labels: { status }, value }
    }),
    { metric: MONITORS_LIMIT, labels: {}, value: settings.monitors.maxMonitors },
    ...readResolverGauge(settings.monitors.resolver),
  ]
}
