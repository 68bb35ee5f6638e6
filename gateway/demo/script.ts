import type { MonitorEventType } from '../../shared/contract/monitors.ts'
import type { ClipPart } from '../../shared/testing/clips.ts'
import type { Delivery } from '../testing/receiver.ts'

/** The demo's broadcast. Every transition lies inside a segment, where it is hardest to detect. */
export const SEGMENT_SEC = 2
const BLACK = { fromSec: 7, sec: 8.4 }
const SILENT = { fromSec: 18.8, sec: 7 }
const END_SEC = 31
export const PARTS: readonly ClipPart[] = [
  { sec: BLACK.fromSec },
  { sec: BLACK.sec, video: 'black' },
  { sec: SILENT.fromSec - endOf(BLACK) },
  { sec: SILENT.sec, audio: 'silent' },
  { sec: END_SEC - endOf(SILENT) },
]

export const BLACKOUT_THRESHOLD_SEC = 5
export const SILENCE_THRESHOLD_SEC = 4

/** An event that the broadcast must cause; times are seconds of its media. */
type ExpectedEvent = {
  readonly type: MonitorEventType
  /** Earliest time at which the event can be known; `null` for the start of the stream. */
  readonly factSec: number | null
  /** Expected value in its data: the start or the duration of the blackout or silence. */
  readonly expectedValue?: { readonly what: 'began at' | 'lasted'; readonly sec: number }
}

/** All events that the monitor must report, in this order. */
const EXPECTED: readonly ExpectedEvent[] = [
  { type: 'stream.started', factSec: null },
  {
    type: 'alert.blackout',
    factSec: BLACK.fromSec + BLACKOUT_THRESHOLD_SEC,
    expectedValue: { what: 'began at', sec: BLACK.fromSec },
  },
  { type: 'alert.blackout_recovered', factSec: endOf(BLACK), expectedValue: { what: 'lasted', sec: BLACK.sec } },
  {
    type: 'alert.silence',
    factSec: SILENT.fromSec + SILENCE_THRESHOLD_SEC,
    expectedValue: { what: 'began at', sec: SILENT.fromSec },
  },
  { type: 'alert.silence_recovered', factSec: endOf(SILENT), expectedValue: { what: 'lasted', sec: SILENT.sec } },
  { type: 'stream.ended', factSec: END_SEC },
]

function endOf(run: { readonly fromSec: number; readonly sec: number }): number {
  return run.fromSec + run.sec
}

/** Maps media time of the broadcast to wall-clock time, as the simulator does. */
export type BroadcastClock = { startedAtMs(): number; wallOf(mediaSec: number): number }

/** The outcome of one expected event; `null` for missing values. */
export type EventOutcome = ExpectedEvent & {
  readonly reportedSec: number | null
  /** Seconds from `factSec` to the delivery. */
  readonly latenessSec: number | null
}

/** Matches each expected event with its first delivery. */
export function matchDeliveries(deliveries: readonly Delivery[], wall: BroadcastClock): readonly EventOutcome[] {
  return EXPECTED.map((expected) => {
    const delivery = deliveries.find(({ payload }) => payload.event_type === expected.type)
    if (delivery === undefined) return { ...expected, reportedSec: null, latenessSec: null }
    const factMs = expected.factSec === null ? wall.startedAtMs() : wall.wallOf(expected.factSec)
    return {
      ...expected,
      reportedSec: readReportedSec(expected, delivery, wall),
      latenessSec: (delivery.atMs - factMs) / 1000,
    }
  })
}

function readReportedSec({ expectedValue }: ExpectedEvent, { payload }: Delivery, wall: BroadcastClock): number | null {
  if (expectedValue === undefined) return null
  if (expectedValue.what === 'lasted') return Number(payload.data['total_duration_sec'])
  return (Date.parse(String(payload.data['started_at'])) - wall.wallOf(0)) / 1000
}

/** Largest accepted difference of a start or a duration. */
const TOLERANCE_SEC = 0.25

/** Finds the problems of all deliveries, one sentence each. A redelivered event counts once. */
export function findProblems(deliveries: readonly Delivery[], found: readonly EventOutcome[]): readonly string[] {
  const events = new Map(deliveries.map(({ payload }) => [payload.event_id, payload.event_type]))
  const received = [...events.values()].join(', ')
  const wanted = EXPECTED.map(({ type }) => type).join(', ')
  const unverified = deliveries.filter(({ verdict }) => verdict !== 'valid')
  return [
    ...(received === wanted ? [] : [`expected ${wanted}; received ${received || 'nothing'}`]),
    ...unverified.map(({ payload, verdict }) => `${payload.event_type} does not verify: ${verdict}`),
    ...found.filter((outcome) => !isExact(outcome)).map(({ type }) => `${type} is more than ${TOLERANCE_SEC} s off`),
  ]
}

function isExact({ expectedValue, reportedSec }: EventOutcome): boolean {
  return (
    expectedValue === undefined || reportedSec === null || Math.abs(reportedSec - expectedValue.sec) <= TOLERANCE_SEC
  )
}
