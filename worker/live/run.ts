import type { BroadcastOrder, IngestSource } from '../../shared/contract/live.ts'
import type { Broadcast } from './broadcast.ts'
import type { BroadcastReporter } from './report.ts'
import { encodeSession } from './session/encode-session.ts'

const WAIT_MS = 500

/**
 * Encodes what encoders publish to a broadcast, one session after another, until the broadcast or the worker ends. Resolves
 * once everything that was encoded is stored and enqueued for its report.
 */
export async function runBroadcast(broadcast: Broadcast): Promise<void> {
  const { order, reporter, stopping, ended, recorder } = broadcast
  // The gateway names a session until it knows that the session is finished.
  const encoded = new Set<string>()
  while (!stopping.aborted && !ended.aborted) {
    const source = findNextSource(reporter, encoded)
    if (source === null) await reporter.waitForAnswer(WAIT_MS, ended)
    else {
      await encodeSession(broadcast, source, findStart(order, source.session))
      encoded.add(source.session)
    }
  }
  await recorder.waitUntilIdle()
}

/**
 * Returns the oldest source that is not encoded: sessions may have come and gone while another one was encoded, or before this
 * worker came.
 */
function findNextSource(
  reporter: Pick<BroadcastReporter, 'source' | 'unfinishedSources'>,
  encoded: ReadonlySet<string>,
): IngestSource | null {
  const sources = [...reporter.unfinishedSources(), reporter.source()].filter((source) => source !== null)
  return sources.find(({ session }) => !encoded.has(session)) ?? null
}

/** Returns where the reported segments of a session end, in ms; `null` where it has none. */
function findStart({ known_until: known }: BroadcastOrder, session: string): number | null {
  return known?.session === session ? known.ms : null
}
