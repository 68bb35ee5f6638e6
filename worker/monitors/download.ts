import { backoffMs } from '../platform/backoff.ts'
import { pause } from '../platform/bell.ts'
import type { Clock } from '../platform/clock.ts'
import type { Segment } from './snapshot.ts'
import type { FetchedSegment, StreamSource } from './source.ts'

/** A try that failed and when it began, in ms since 1970. */
type FailedTry = { readonly error: string; readonly beganMs: number }

export type DownloadOptions = {
  readonly source: StreamSource
  readonly clock: Clock
  readonly stopping: AbortSignal
  /** Hears of each try that another one follows. */
  readonly onFailedTry: (failure: FailedTry) => void
}

const TRIES = 3
const RETRY = { firstMs: 2000, maxMs: 30_000 }

/** From the start of the first try to the end of the last one pass at most twice the segment's duration, or this. */
const LEAST_PATIENCE_MS = 10_000

/**
 * A segment's bytes after at most three tries, and no longer than a few segments take: one that hangs must not blind us
 * for the others. Aborted ones are trouble.
 */
export async function download(
  segment: Segment,
  { source, clock, stopping, onFailedTry }: DownloadOptions,
): Promise<FetchedSegment> {
  const patienceMs = Math.max(LEAST_PATIENCE_MS, 2000 * segment.durationSec)
  const untilMs = clock.nowMs() + patienceMs
  const hurry = new AbortController()
  const abort = () => hurry.abort()
  const deadline = setTimeout(abort, patienceMs)
  stopping.addEventListener('abort', abort)
  if (stopping.aborted) abort()
  try {
    for (let tries = 1; ; tries++) {
      const beganMs = clock.nowMs()
      const fetched = await source.segment(segment, hurry.signal)
      if (fetched.kind === 'ok' || stopping.aborted) return fetched
      const error = hurry.signal.aborted ? `no complete answer within ${patienceMs / 1000} s` : fetched.trouble.message
      const waitMs = backoffMs(tries, RETRY)
      if (tries === TRIES || clock.nowMs() + waitMs >= untilMs) {
        return { kind: 'trouble', trouble: { ...fetched.trouble, message: error } }
      }
      onFailedTry({ error, beganMs })
      await pause(waitMs, stopping)
    }
  } finally {
    clearTimeout(deadline)
    stopping.removeEventListener('abort', abort)
  }
}
