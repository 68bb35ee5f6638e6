import { addJitter } from '../../platform/backoff.ts'
import { hashPath, type PlaylistCursor } from '../state/segment-identity.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'

/** A segment that could not be fetched yet and is tried again. */
export type SegmentRetry = {
  /** Identifies the segment across fetches of its playlist. */
  readonly key: string
  /** Hash of its path, by which another origin may list it under another number. */
  readonly path: string
  /** Cursor after the segment, for when it is passed by. */
  readonly cursor: PlaylistCursor
  readonly attempts: number
  /** Start of the first attempt, in ms since 1970. */
  readonly sinceMs: number
  /** The server asked not to try again before this time (Retry-After), in ms since 1970. */
  readonly notBeforeMs: number
  readonly error: string
  readonly failing: 'segment' | 'key'
}

/** Returns what identifies a segment in two fetches of one playlist: its number, or else its path. */
export function identifySegment({ sequence, url }: StreamSegment): string {
  return sequence === null ? url.replace(/[?#].*$/, '') : `#${sequence}`
}

/**
 * Returns a retry with the key of its segment, where that is `next`: by its number, or else by its path where paths
 * distinguish the segments of the playlist. `null` where it is another segment.
 */
export function renewRetry(
  retry: SegmentRetry,
  next: StreamSegment,
  { segments }: Pick<StreamPlaylist, 'segments'>,
): SegmentRetry | null {
  const key = identifySegment(next)
  if (key === retry.key) return retry
  const isListedOnce = segments.filter((segment) => hashPath(segment) === retry.path).length === 1
  return isListedOnce && hashPath(next) === retry.path ? { ...retry, key } : null
}

const MIN_PAUSE_MS = 250
const MAX_PAUSE_MS = 15_000

/**
 * Returns the pause before the next attempt at a segment, in ms: a quarter of the target duration for as long as one
 * target duration, since segments are listed before they can be fetched; then growing by half with each attempt.
 */
export function computeRetryPauseMs(
  { attempts }: Pick<SegmentRetry, 'attempts'>,
  targetDurationSec: number,
  random?: () => number,
): number {
  const firstMs = Math.max(targetDurationSec * 250, MIN_PAUSE_MS)
  const grownMs = firstMs * 1.5 ** Math.min(Math.max(attempts - 4, 0), 20)
  return addJitter(Math.min(grownMs, MAX_PAUSE_MS), random)
}

/**
 * Returns the pause before the next fetch of the playlist, in ms, while a segment is not to be tried before `notBeforeMs`: the
 * server's wish is about the segment, and newer ones come meanwhile.
 */
export function computeWaitMs(notBeforeMs: number, nowMs: number, targetDurationSec: number): number {
  return Math.min(notBeforeMs - nowMs, Math.max(targetDurationSec * 1000, MIN_PAUSE_MS))
}

const MIN_PATIENCE_MS = 10_000
const MAX_PATIENCE_MS = 30_000

/**
 * Returns how long a segment is tried while newer ones can be fetched, in ms: as long as a window of this length keeps
 * it, at most 30 s. Without that limit, one lost segment would hold up a window of hours.
 */
export function computePatienceMs({ segments }: StreamPlaylist, { durationSec }: StreamSegment): number {
  const windowSec = segments.reduce((sum, segment) => sum + segment.durationSec, 0)
  return Math.max(MIN_PATIENCE_MS, 2000 * durationSec, Math.min(1000 * windowSec, MAX_PATIENCE_MS))
}
