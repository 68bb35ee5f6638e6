import type { LiveContext } from '../context.ts'
import { closeStream } from '../packaging/close-stream.ts'
import { topicOf } from '../topic.ts'
import {
  endPastWindow,
  endTooLong,
  listUnclosed,
  lockStream,
  loseUnseenEncoders,
  type ClosingTimes,
  type Stream,
} from '../store/streams.ts'

/** An encoder that no ingest worker has reported for this long is gone, in seconds. */
const UNSEEN_SEC = 10
/** Segments wait in the memory of the worker while the store is full or fails: for as long as an operator needs to help. */
const CLOSING_TIMES: ClosingTimes = { encodeSec: 30, storeSec: 900 }

/** The work runs far more often; after a longer pause no gateway may have heard what ingest workers report, in ms. */
const OUTAGE_MS = 6000

/** Returns the work that follows the clocks of broadcasts: encoders that are gone, windows that have passed, and their end. */
export function createBroadcastClock(context: LiveContext): () => Promise<void> {
  const canLose = createOutageWatch(context)
  return async () => {
    const changed = await applyClocks(context, canLose.begin())
    canLose.end()
    for (const { streamId, state } of changed) {
      context.log.info('broadcast changed', { stream_id: streamId, state })
      context.notifier.notify(topicOf(streamId))
    }
    for (const streamId of await listUnclosed(context.db, CLOSING_TIMES)) await close(context, streamId)
  }
}

/** Which clocks have run while encoders could be heard. */
type RunningClocks = { readonly seen: boolean; readonly windows: boolean }

/**
 * Creates what knows since when this gateway has its database: the clocks of encoders stand still during an outage, and
 * some time after it, in which they are reported or come back.
 */
function createOutageWatch({ keepsConnections }: LiveContext) {
  let endedMs = performance.now()
  // What one invocation of a fetch runtime has met, no other one knows.
  let seenFromMs = keepsConnections ? endedMs + UNSEEN_SEC * 1000 : 0
  let windowsFromMs = 0
  return {
    begin(): RunningClocks {
      const nowMs = performance.now()
      if (keepsConnections && nowMs - endedMs > OUTAGE_MS) seenFromMs = windowsFromMs = nowMs + UNSEEN_SEC * 1000
      return { seen: nowMs >= seenFromMs, windows: nowMs >= windowsFromMs }
    },
    end: () => void (endedMs = performance.now()),
  }
}

async function applyClocks({ db, settings }: LiveContext, running: RunningClocks): Promise<Stream[]> {
  const { reconnectWindowMs, maxBroadcastSec } = settings.live
  const awayTooLong = 'its encoder did not come back (RECONNECT_WINDOW)'
  return [
    ...(running.seen ? await loseUnseenEncoders(db, UNSEEN_SEC) : []),
    ...(running.windows ? await endPastWindow(db, reconnectWindowMs / 1000, awayTooLong) : []),
    ...(await endTooLong(db, maxBroadcastSec, 'it reached the longest duration (MAX_BROADCAST_HOURS)')),
  ]
}

async function close(context: LiveContext, streamId: string): Promise<void> {
  await context.transact(async (tx) => {
    const stream = await lockStream(tx, streamId)
    if (stream?.state === 'ended') await closeStream(tx, stream)
  })
  context.notifier.notify(topicOf(streamId))
  context.wake('workers')
}
