import type { LiveContext } from '../context.ts'
import { listUnwatched, listWatchedEnded, recordMonitor } from '../store/watched-streams.ts'
import { createMonitorFor, stopMonitor } from './watchdog.ts'

/** How long until a broadcast whose monitor could not be created is tried again, in seconds. */
const RETRY_SEC = 30

/** Creates the monitor of each broadcast on the air, and stops those of broadcasts that have ended. */
export async function watchBroadcasts(context: LiveContext): Promise<void> {
  const { db, log, settings } = context
  if (!settings.live.isWatched) return
  for (const stream of await listUnwatched(db, RETRY_SEC)) {
    const monitorId = await createMonitorFor(context, stream).catch((error: unknown) => {
      log.warn('broadcast is not watched', { stream_id: stream.streamId, error })
      return null
    })
    await recordMonitor(db, stream.streamId, monitorId)
  }
  for (const { streamId, monitorId } of await listWatchedEnded(db)) {
    await stopMonitor(context, monitorId ?? '').catch((error: unknown) =>
      log.info('monitor of an ended broadcast is left to its own end', { stream_id: streamId, error }),
    )
    await recordMonitor(db, streamId, null)
  }
}
