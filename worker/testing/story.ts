import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import type { Position } from '../monitors/position.ts'
import type { SegmentFindings, SideFindings, Sides, Span, Source } from '../monitors/snapshot.ts'
import { INITIAL_STATE, type MonitorState, type Observation } from '../monitors/state.ts'
import { step } from '../monitors/step.ts'

export const CONFIG: MonitorConfig = {
  check_interval_sec: 10,
  blackout_threshold_sec: 5,
  silence_threshold_sec: 4,
  silence_db_threshold: -50,
  scheduled_start_time: null,
  scheduled_end_time: null,
  start_delay_tolerance_sec: 300,
  freeze_threshold_sec: 0,
  coverage: 'every',
  webhook_policy: 'strict',
}

/** When a story's first segment went out, in ms since 1970. */
export const START_MS = Date.parse('2026-03-01T12:00:00.000Z')

export type Told = { readonly state: MonitorState; readonly events: readonly MonitorEvent[] }
export type StoryOptions = { readonly from?: MonitorState; readonly config?: Partial<MonitorConfig> }

/** What a monitor makes of one observation after the other. */
export function tell(observations: readonly Observation[], options: StoryOptions = {}): Told {
  const config = { ...CONFIG, ...options.config }
  let state = options.from ?? INITIAL_STATE
  const events: MonitorEvent[] = []
  for (const observation of observations) {
    const after = step(state, observation, config)
    state = after.state
    events.push(...after.events)
  }
  return { state, events }
}

/** The types of events, in order. */
export function typesOf(told: { readonly events: readonly MonitorEvent[] }): readonly string[] {
  return told.events.map((event) => event.event_type)
}

/** Seconds after the story's start, in ms since 1970. */
export function at(sec: number): number {
  return START_MS + sec * 1000
}

/** Seconds after the story's start, as events write it. */
export function isoAt(sec: number): string {
  return new Date(Math.round(at(sec))).toISOString()
}

export function live(atMs: number, source: Partial<Source> = {}): Observation {
  const found: Source = { renditions: [], title: 'A stream', by: 'direct', expiresAtMs: null, ...source }
  return { kind: 'resolved', atMs, resolution: { kind: 'live', source: found } }
}

type Shape = { readonly sides?: Sides; readonly isEnded?: boolean }

/** A playlist that was fetched; with `firstStartMs`, it has new segments. */
export function playlist(
  atMs: number,
  firstStartMs: number | null,
  targetDurationSec = 2,
  { sides = 'both', isEnded = false }: Shape = {},
): Observation {
  return { kind: 'playlist', atMs, sides, targetDurationSec, firstStartMs, isEnded }
}

const POSITION: Position = { seen: [{ sequence: 0, path: '/0.ts', name: '0.ts', timeMs: null }], first: 0 }
export const PLACE = { sides: 'both', position: POSITION } as const

/** A stream that is live and has begun. */
export const STARTED: MonitorState = tell([live(START_MS), playlist(START_MS, START_MS)]).state

export type SeenSides = { readonly black?: readonly Span[] | 'absent'; readonly silent?: readonly Span[] | 'absent' }

/** A segment that was looked at as soon as it was whole; its start and duration are in seconds of the story. */
export function segment(startSec: number, durationSec: number, seen: SeenSides = {}): Observation {
  const findings: SegmentFindings = {
    picture: side('blackout', seen.black ?? []),
    sound: side('silence', seen.silent ?? []),
  }
  const which = { sequence: Math.round(startSec / durationSec), startMs: at(startSec), isDated: true, durationSec }
  return { kind: 'segment', atMs: Math.round(at(startSec + durationSec)), place: PLACE, segment: which, findings }
}

function side(detector: string, spans: readonly Span[] | 'absent'): SideFindings {
  return spans === 'absent' ? { kind: 'absent' } : { kind: 'seen', spans: { [detector]: spans } }
}

export function span(fromSec: number, toSec: number): Span {
  return { fromSec, toSec }
}
