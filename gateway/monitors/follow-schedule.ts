import type { Tx } from '../ports/database.ts'
import { endAssignment, insertAssignments } from '../workers/store/assignments.ts'
import type { MonitorsContext } from './context.ts'
import { MONITOR_KIND } from './pod.ts'
import { publishEvents } from './publish-events.ts'
import {
  endMonitor,
  listMonitorsPastTheirEnd,
  listMonitorsToStart,
  startScheduledMonitor,
  type Monitor,
} from './store/monitors.ts'

/** Starts the monitors whose lead time has begun, and stops those whose scheduled end passed without a live stream. */
export async function followSchedule(context: MonitorsContext): Promise<void> {
  const toStart = await listMonitorsToStart(context.db)
  for (const id of toStart) await context.transact((tx) => start(tx, id))
  const pastEnd = await listMonitorsPastTheirEnd(context.db)
  for (const id of pastEnd) await stopPastEnd(context, id)
  if (toStart.length + pastEnd.length > 0) context.wake('workers')
}

async function start(tx: Tx, id: string): Promise<void> {
  if (await startScheduledMonitor(tx, id)) await insertAssignments(tx, MONITOR_KIND, [id])
}

/** The stream went live, or the monitor ended, after the monitor was listed. */
class EndDoesNotApply extends Error {}

async function stopPastEnd(context: MonitorsContext, id: string): Promise<void> {
  try {
    await context.transact(async (tx) => {
      await endAssignment(tx, id)
      const monitor = await endMonitor(tx, id, { kind: 'end_time_passed' }, null)
      // Rolls back the end of the assignment.
      if (monitor === null) throw new EndDoesNotApply()
      await publishEvents(tx, monitor, [endedBySchedule(monitor, new Date())])
    })
  } catch (error) {
    if (!(error instanceof EndDoesNotApply)) throw error
  }
}

function endedBySchedule(monitor: Monitor, now: Date) {
  const data = { reason: 'scheduled_end_passed', scheduled_end_time: monitor.config.scheduled_end_time }
  return { event_type: 'stream.ended', timestamp: now.toISOString(), data } as const
}
