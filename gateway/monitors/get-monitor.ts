import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { presentMonitor, type PublicMonitor } from './present.ts'
import { findMonitor } from './store.ts'

/**
 * One monitor as it stands.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function getMonitor(context: Context, id: string): Promise<PublicMonitor> {
  const monitor = await findMonitor(context.db, id)
  if (monitor === null) throw new BrokenRule('MONITOR_NOT_FOUND', 'there is no monitor of this id')
  return presentMonitor(monitor)
}
