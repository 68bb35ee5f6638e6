import type { Context, Tx } from '../context.ts'
import { endAssignment, insertAssignments } from '../workers/store.ts'
import { MONITOR_KIND } from './pod.ts'
import { endMonitor, listToGiveUp, listToStart, startScheduled, type Monitor } from './store.ts'
import { tell } from './tell.ts'

/** Starts the monitors whose lead time has come, and stops those whose scheduled end passed with no live stream. */
export async function followSchedule(context: Context): Promise<void> {
  const near = await listToStart(context.db)
  for (const id of near) await context.transact((tx) => start(tx, id))
  const late = await listToGiveUp(context.db)
  for (const id of late) await context.transact((tx) => stopLate(tx, id))
  if (near.length + late.length > 0) context.wake('workers')
}

async function start(tx: Tx, id: string): Promise<void> {
  if (await startScheduled(tx, id)) await insertAssignments(tx, MONITOR_KIND, [id])
}

async function stopLate(tx: Tx, id: string): Promise<void> {
  await endAssignment(tx, id)
  const monitor = await endMonitor(tx, id, 'stopped', null)
  if (monitor === null) return
  await tell(tx, monitor, [endedBySchedule(monitor, new Date())])
}

function endedBySchedule(monitor: Monitor, now: Date) {
  const data = { reason: 'scheduled_end_passed', scheduled_end_time: monitor.config.scheduled_end_time }
  return { event_type: 'stream.ended', timestamp: now.toISOString(), data } as const
}
