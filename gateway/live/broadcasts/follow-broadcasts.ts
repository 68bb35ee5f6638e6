import type { LiveContext } from '../context.ts'
import { closeStream } from '../packaging/close-stream.ts'
import { REASONS } from '../rules/reasons.ts'
import { createOutageWatch, type EncoderClocks } from '../rules/encoder-clocks.ts'
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
/**
 * A worker that is lost is replaced within the first time. Segments wait in its memory while the store is full or fails: for
 * as long as an operator needs to help.
 */
const CLOSING_TIMES: ClosingTimes = { encodeSec: 120, storeSec: 900 }

/** Returns the work that follows the clocks of broadcasts: encoders that are gone, windows that have passed, and their end. */
export function createBroadcastClock(context: LiveContext): () => Promise<void> {
  // What one invocation of a fetch runtime has met, no other one knows.
  const watch = context.keepsConnections ? createOutageWatch(performance.now(), UNSEEN_SEC * 1000) : null
  return async () => {
    const changed = await applyClocks(context, watch?.begin(performance.now()) ?? ALL_CLOCKS)
    watch?.end(performance.now())
    for (const { streamId, state } of changed) {
      context.log.info('broadcast changed', { stream_id: streamId, state })
      context.notifier.notify(topicOf(streamId))
    }
    for (const streamId of await listUnclosed(context.db, CLOSING_TIMES)) await close(context, streamId)
  }
}

const ALL_CLOCKS: EncoderClocks = { unseen: true, awaited: true }

async function applyClocks({ db, settings }: LiveContext, running: EncoderClocks): Promise<Stream[]> {
  const { reconnectWindowMs, maxBroadcastSec } = settings.live
  return [
    ...(running.unseen ? await loseUnseenEncoders(db, UNSEEN_SEC) : []),
    ...(running.awaited ? await endPastWindow(db, reconnectWindowMs / 1000, REASONS.away_too_long) : []),
    ...(await endTooLong(db, maxBroadcastSec, REASONS.too_long)),
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
