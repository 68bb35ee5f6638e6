import type { LiveContext } from '../context.ts'
import { closeStream } from '../packaging/close-stream.ts'
import { topicOf } from '../topic.ts'
import {
  endPastWindow,
  endTooLong,
  listUnclosed,
  lockStream,
  loseUnseenEncoders,
  type Stream,
} from '../store/streams.ts'

/** An encoder that no ingest worker has reported for this long is gone, in seconds. */
const UNSEEN_SEC = 10
/** How long the worker of a broadcast that has ended may take for what has arrived, in seconds. */
const CLOSE_SEC = 30

/** Follows the clocks of broadcasts: encoders that are gone, windows that have passed, and broadcasts that are too long. */
export async function followBroadcasts(context: LiveContext): Promise<void> {
  const { db, settings } = context
  const { reconnectWindowMs, maxBroadcastSec } = settings.live
  const changed: Stream[] = [
    ...(await loseUnseenEncoders(db, UNSEEN_SEC)),
    ...(await endPastWindow(db, reconnectWindowMs / 1000, 'its encoder did not come back (RECONNECT_WINDOW)')),
    ...(await endTooLong(db, maxBroadcastSec, 'it reached the longest duration (MAX_BROADCAST_HOURS)')),
  ]
  for (const { streamId, state } of changed) {
    context.log.info('broadcast changed', { stream_id: streamId, state })
    context.notifier.notify(topicOf(streamId))
  }
  for (const streamId of await listUnclosed(db, CLOSE_SEC)) await close(context, streamId)
}

async function close(context: LiveContext, streamId: string): Promise<void> {
  await context.transact(async (tx) => {
    const stream = await lockStream(tx, streamId)
    if (stream?.state === 'ended') await closeStream(tx, stream)
  })
  context.notifier.notify(topicOf(streamId))
  context.wake('workers')
}
