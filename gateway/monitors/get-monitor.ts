import { BrokenRule } from '../errors.ts'
import { presentMonitor, type PublicMonitor } from './present.ts'
import { findMonitor } from './store/monitors.ts'
import { MONITOR_ERRORS } from './errors.ts'
import type { MonitorsContext } from './context.ts'

/**
 * Returns a monitor.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function getMonitor(context: MonitorsContext, id: string): Promise<PublicMonitor> {
  const monitor = await findMonitor(context.db, id)
  if (monitor === null) throw new BrokenRule(MONITOR_ERRORS.MONITOR_NOT_FOUND, 'there is no monitor of this id')
  return presentMonitor(monitor)
}
