import type { Context } from '../context.ts'
import type { Reading } from '../metrics/figures.ts'
import type { Capacity } from '../workers/status/present.ts'
import { MONITOR_STATUSES } from './status.ts'
import { countActive, countByStatus } from './store.ts'

/** The monitors that hold a place, and the places that there are. */
export async function capacityOf({ db, settings }: Context): Promise<Capacity> {
  return { used: await countActive(db), limit: settings.maxMonitors }
}

/** The figures of monitors that the database tells. */
export async function readMonitors({ db, settings }: Context): Promise<readonly Reading[]> {
  const counts = await countByStatus(db)
  return [
    ...MONITOR_STATUSES.map((status): Reading => {
      const value = counts.find((row) => row.status === status)?.monitors ?? 0
      return { name: 'tallylight_monitors', labels: { status }, value }
    }),
    { name: 'tallylight_monitors_limit', labels: {}, value: settings.maxMonitors },
  ]
}
