import { BrokenRule } from '../errors.ts'
import { endAssignment } from '../workers/store/assignments.ts'
import { presentStopped, type StoppedMonitor } from './present.ts'
import { endMonitor, findMonitor } from './store/monitors.ts'
import { MONITOR_ERRORS } from './errors.ts'
import type { MonitorsContext } from './context.ts'

/**
 * Stops a monitor; the next reconciliation stops its worker. For a monitor that has ended it changes nothing and answers
 * the same.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function stopMonitor(context: MonitorsContext, id: string): Promise<StoppedMonitor> {
  const stopped = await context.transact(async (tx) => {
    await endAssignment(tx, id)
    return (await endMonitor(tx, id, { kind: 'deleted' }, null)) ?? findMonitor(tx, id)
  })
  if (stopped === null) throw new BrokenRule(MONITOR_ERRORS.MONITOR_NOT_FOUND, 'there is no monitor of this id')
  context.wake('workers')
  return presentStopped(stopped)
}
