import type { MonitorContext } from '../monitor-context.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'

/** Shortest time for one attempt, which is otherwise twice the segment's duration. */
const MIN_ATTEMPT_MS = 10_000

/** Fetches a segment in one attempt and a time limit, so that one that hangs does not hold up the next. */
export async function fetchInTime(
  segment: StreamSegment,
  { client, lifetime: { stopping } }: MonitorContext,
): Promise<SegmentFetch> {
  const limitMs = Math.max(MIN_ATTEMPT_MS, 2000 * segment.durationSec)
  const timeLimit = new AbortController()
  const abort = () => timeLimit.abort()
  const timer = setTimeout(abort, limitMs)
  stopping.addEventListener('abort', abort)
  if (stopping.aborted) abort()
  try {
    const fetched = await client.fetchSegment(segment, timeLimit.signal)
    if (fetched.kind === 'ok' || stopping.aborted || !timeLimit.signal.aborted) return fetched
    const message = `no complete answer within ${limitMs / 1000} s`
    return { ...fetched, failure: { ...fetched.failure, message } }
  } finally {
    clearTimeout(timer)
    stopping.removeEventListener('abort', abort)
  }
}
