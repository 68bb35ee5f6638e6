import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { StreamResolution } from '../stream.ts'
import type { MonitorState } from './monitor-state.ts'
import { computeLateFromMs, findScheduledStartMs } from './start-delay.ts'

type LeftoverContext = { readonly state: MonitorState; readonly config: MonitorConfig; readonly atMs: number }

/**
 * Returns an answer about a stream; one that is upcoming in place of a playlist that has ended before its event. At a fixed
 * URL such a one is left of the last event. Once anything was watched, an end is an end.
 */
export function exceptLeftover(resolution: StreamResolution, context: LeftoverContext): StreamResolution {
  if (resolution.kind !== 'ended' || resolution.reason !== 'endlist_detected') return resolution
  if (resolution.source.by !== 'direct' || !isBeforeEvent(resolution.newestMs ?? null, context)) return resolution
  return { kind: 'upcoming', releaseAtMs: null, title: null, problem: 'the playlist has ended before the event' }
}

/** Reports whether a playlist lies before the event: by its program times, or else as the event is not late yet. */
function isBeforeEvent(newestMs: number | null, { state, config, atMs }: LeftoverContext): boolean {
  const startMs = findScheduledStartMs(config, state.releaseAtMs)
  const lateFromMs = computeLateFromMs(config, state.releaseAtMs)
  if (state.phase.kind === 'monitoring' || startMs === null || lateFromMs === null) return false
  return newestMs === null ? atMs <= lateFromMs : newestMs < startMs
}
