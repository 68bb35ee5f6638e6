import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import { createEvent, formatTime, secondsBetween } from './monitor-event.ts'

/** Captions whose playlist is gone, by their first failed check in ms since 1970. `alerted`: the alert is open. */
export const MissingCaptions = v.object({ kind: v.picklist(['short', 'alerted']), sinceMs: v.number() })
export type MissingCaptions = Readonly<v.InferOutput<typeof MissingCaptions>>

/** Captions after a check. */
type CaptionsTransition = { readonly captions: MissingCaptions | null; readonly events: readonly MonitorEvent[] }

/** Returns the captions after a check of their playlist. They are missing for as long as each check says so. */
export function afterCaptionCheck(
  before: MissingCaptions | null,
  { isMissing, atMs }: { readonly isMissing: boolean; readonly atMs: number },
  thresholdSec: number,
): CaptionsTransition {
  if (!isMissing) return { captions: null, events: recoverCaptions(before, atMs) }
  const missing: MissingCaptions = before ?? { kind: 'short', sinceMs: atMs }
  const durationSec = secondsBetween(missing.sinceMs, atMs)
  if (missing.kind === 'alerted' || durationSec < thresholdSec) return { captions: missing, events: [] }
  const data = {
    duration_sec: durationSec,
    started_at: formatTime(missing.sinceMs),
    threshold_sec: thresholdSec,
    track: 'captions',
  }
  return { captions: { ...missing, kind: 'alerted' }, events: [createEvent(atMs, 'alert.track_missing', data)] }
}

/** Returns the recovery of missing captions, if their alert is open. */
export function recoverCaptions(before: MissingCaptions | null, atMs: number): readonly MonitorEvent[] {
  if (before?.kind !== 'alerted') return []
  const data = {
    total_duration_sec: secondsBetween(before.sinceMs, atMs),
    started_at: formatTime(before.sinceMs),
    recovered_at: formatTime(atMs),
    track: 'captions',
  }
  return [createEvent(atMs, 'alert.track_missing_recovered', data)]
}
