import { computeBackoffMs } from '../../platform/backoff.ts'
import { sleep } from '../../platform/wake-signal.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'

/** A failed attempt that is retried; it began at `beganMs`, in ms since 1970. */
export type RetriedAttempt = { readonly error: string; readonly beganMs: number }

const MAX_ATTEMPTS = 3
const RETRY_BACKOFF = { firstMs: 2000, maxMs: 30_000 }

/** Shortest time for all attempts together, which is otherwise twice the segment's duration. */
const MIN_DOWNLOAD_MS = 10_000

/**
 * Downloads a segment in at most three attempts and a time limit, so that one that hangs does not hold up the next.
 * `onRetry` is called before each retry. An abort is a failure.
 */
export async function downloadSegment(
  segment: StreamSegment,
  { client, clock, lifetime: { stopping } }: MonitorContext,
  onRetry: (attempt: RetriedAttempt) => void,
): Promise<SegmentFetch> {
  const limitMs = Math.max(MIN_DOWNLOAD_MS, 2000 * segment.durationSec)
  const untilMs = clock.nowMs() + limitMs
  const timeLimit = new AbortController()
  const abort = () => timeLimit.abort()
  const timer = setTimeout(abort, limitMs)
  stopping.addEventListener('abort', abort)
  if (stopping.aborted) abort()
  try {
    for (let attempts = 1; ; attempts++) {
      const beganMs = clock.nowMs()
      const fetched = await client.fetchSegment(segment, timeLimit.signal)
      if (fetched.kind === 'ok' || stopping.aborted) return fetched
      const error = timeLimit.signal.aborted ? `no complete answer within ${limitMs / 1000} s` : fetched.failure.message
      const waitMs = computeBackoffMs(attempts, RETRY_BACKOFF)
      if (attempts === MAX_ATTEMPTS || clock.nowMs() + waitMs >= untilMs) {
        return { kind: 'failed', failure: { ...fetched.failure, message: error } }
      }
      onRetry({ error, beganMs })
      await sleep(waitMs, stopping)
    }
  } finally {
    clearTimeout(timer)
    stopping.removeEventListener('abort', abort)
  }
}
