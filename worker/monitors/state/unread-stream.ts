import * as v from 'valibot'

import type { MonitorConfig, MonitorEvent } from '../../../shared/contract/monitors.ts'
import { createEvent, sanitizeText, secondsBetween } from './monitor-event.ts'
import { computeLateFromMs } from './start-delay.ts'

/** A stream of which no segment was ever seen, though its URL was fetched. `told`: an alert was sent for it. */
export const UnreadStream = v.object({
  kind: v.picklist(['new', 'told']),
  sinceMs: v.number(),
  /** What was wrong at the last fetch. */
  error: v.string(),
})
export type UnreadStream = Readonly<v.InferOutput<typeof UnreadStream>>

/** Duration after which a stream that cannot be read is an alert. */
const ALERT_AFTER_MS = 60_000

/** Returns what is wrong with a stream after a fetch that showed no segment, before its start. */
export function unreadAfterFetch(
  before: UnreadStream | null,
  { error, beganMs }: { readonly error: string; readonly beganMs: number },
): UnreadStream {
  const { kind, sinceMs } = before ?? { kind: 'new', sinceMs: beganMs }
  return { kind, sinceMs, error: sanitizeText(error) }
}

/** Returns the alert about a stream that cannot be read, at `atMs`. */
export function createUnreadEvent({ sinceMs, error }: UnreadStream, atMs: number): MonitorEvent {
  const data = { error, duration_sec: secondsBetween(sinceMs, atMs), failing: 'manifest' }
  return createEvent(atMs, 'alert.segment_error', data)
}

/**
 * Returns the time of the alert for a stream that has not been readable for a minute, in ms since 1970; `Infinity` where
 * none is due. One that waits for a scheduled start must be late first.
 */
export function computeUnreadDueMs(
  unread: UnreadStream | null,
  config: MonitorConfig,
  releaseAtMs: number | null,
): number {
  if (unread === null || unread.kind === 'told') return Infinity
  const lateFromMs = computeLateFromMs(config, releaseAtMs) ?? -Infinity
  return Math.max(unread.sinceMs, lateFromMs) + ALERT_AFTER_MS
}
