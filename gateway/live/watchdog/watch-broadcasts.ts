import type { LiveContext } from '../context.ts'
import { releaseEnded } from '../faults/enqueue-faults.ts'
import type { Stream } from '../store/streams.ts'
import {
  deleteUnneeded,
  listUnwatched,
  recordMonitor,
  recordUnwatched,
  takeUnneeded,
} from '../store/watched-streams.ts'
import { createMonitorFor, stopMonitor } from './watchdog.ts'

/** How long until a monitor that could not be created or stopped is tried again, in seconds. */
const RETRY_SEC = 30

/** Creates the monitor of each broadcast on the air, and stops those that are not needed any more. */
export async function watchBroadcasts(context: LiveContext): Promise<void> {
  const { db, transact, settings } = context
  if (settings.live.isWatched) for (const stream of await listUnwatched(db, RETRY_SEC)) await watch(context, stream)
  await transact(releaseEnded)
  for (const monitorId of await takeUnneeded(db, RETRY_SEC)) await stop(context, monitorId)
}

async function watch(context: LiveContext, stream: Stream): Promise<void> {
  try {
    const monitor = await createMonitorFor(context, stream)
    await context.transact((tx) => recordMonitor(tx, stream, monitor))
  } catch (error) {
    context.log.warn('broadcast is not watched', { stream_id: stream.streamId, error })
    await recordUnwatched(context.db, stream.streamId)
  }
}

async function stop(context: LiveContext, monitorId: string): Promise<void> {
  try {
    await stopMonitor(context, monitorId)
    await deleteUnneeded(context.db, monitorId)
  } catch (error) {
    context.log.info('monitor of a broadcast could not be stopped; it is tried again', { monitor_id: monitorId, error })
  }
}
