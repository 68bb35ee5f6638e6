import * as v from 'valibot'

import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { createEvent, sanitizeText, secondsBetween } from './monitor-event.ts'
import type { MonitorState, MonitorTransition } from './monitor-state.ts'
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

/** Returns the monitor after a fetch that showed no segment, before its stream has started. */
export function afterUnreadFetch(
  state: MonitorState,
  { error, beganMs }: { readonly error: string; readonly beganMs: number },
): MonitorState {
  const { kind, sinceMs } = state.unread ?? { kind: 'new', sinceMs: beganMs }
  return { ...state, unread: { kind, sinceMs, error: sanitizeText(error) } }
}

/** Raises one alert for a stream that has not been readable for a minute, unless it waits for a scheduled start. */
export function raiseUnread(state: MonitorState, config: MonitorConfig, atMs: number): MonitorTransition {
  const { unread } = state
  if (unread === null || atMs < computeUnreadDueMs(state, config)) return { state, events: [] }
  const data = { error: unread.error, duration_sec: secondsBetween(unread.sinceMs, atMs), failing: 'manifest' }
  return {
    state: { ...state, unread: { ...unread, kind: 'told' } },
    events: [createEvent(atMs, 'alert.segment_error', data)],
  }
}

/** Returns the time of the alert for a stream that cannot be read, in ms since 1970; `Infinity` where none is due. */
export function computeUnreadDueMs({ unread, releaseAtMs }: MonitorState, config: MonitorConfig): number {
  if (unread === null || unread.kind === 'told') return Infinity
  const lateFromMs = computeLateFromMs(config, releaseAtMs) ?? -Infinity
  return Math.max(unread.sinceMs, lateFromMs) + ALERT_AFTER_MS
}
