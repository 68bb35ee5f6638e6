import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { endAssignment } from '../workers/store.ts'
import { presentStopped, type StoppedMonitor } from './present.ts'
import { endMonitor, findMonitor } from './store.ts'

/**
 * Ends a monitor for good; its worker is stopped by the next round. Repeated, or for a monitor that had ended by itself,
 * it changes nothing and answers the same.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function stopMonitor(context: Context, id: string): Promise<StoppedMonitor> {
  const stopped = await context.transact(async (tx) => {
    await endAssignment(tx, id)
    return (await endMonitor(tx, id, 'stopped', null)) ?? findMonitor(tx, id)
  })
  if (stopped === null) throw new BrokenRule('MONITOR_NOT_FOUND', 'there is no monitor of this id')
  context.wake('workers')
  return presentStopped(stopped)
}
