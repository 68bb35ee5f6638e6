import type { BroadcastOrder } from '../../shared/contract/live.ts'
import type { Broadcast } from './broadcast.ts'
import { encodeSession } from './session/encode-session.ts'

const WAIT_MS = 500

/**
 * Encodes what encoders publish to a broadcast, one session after another, until the broadcast or the worker ends. Resolves
 * once everything that was encoded is stored and enqueued for its report.
 */
export async function runBroadcast(broadcast: Broadcast): Promise<void> {
  const { order, reporter, stopping, ended, recorder } = broadcast
  // Those that ended before this worker came: what the one before it had not stored is encoded first.
  for (const source of order.unfinished_sources) {
    if (source.session !== order.source?.session)
      await encodeSession(broadcast, source, findStart(order, source.session))
  }
  let encoded: string | null = null
  while (!stopping.aborted && !ended.aborted) {
    const source = reporter.source()
    // The gateway names a session until it knows that the session is finished.
    if (source === null || source.session === encoded) await reporter.waitForAnswer(WAIT_MS, ended)
    else {
      await encodeSession(broadcast, source, findStart(order, source.session))
      encoded = source.session
    }
  }
  await recorder.waitUntilIdle()
}

/** Returns where the reported segments of a session end, in ms; `null` where it has none. */
function findStart({ known_until: known }: BroadcastOrder, session: string): number | null {
  return known?.session === session ? known.ms : null
}
