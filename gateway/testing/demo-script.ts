import type { MonitorEventType } from '../../shared/contract/events.ts'
import type { ClipPart } from '../../worker/testing/media.ts'
import type { Delivery } from './receiver.ts'

/** The demo's broadcast. Every edge lies within a segment, where it is hardest to find. */
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

/** An event that the broadcast must bring about; times are seconds of its media. */
type ExpectedEvent = {
  readonly type: MonitorEventType
  /** When it is a fact, the earliest that anyone could tell it; `null`: at the first look at the stream. */
  readonly factSec: number | null
  /** What its data must say: where the run began, or how long it lasted. */
  readonly says?: { readonly what: 'began at' | 'lasted'; readonly sec: number }
}

/** All that the monitor must tell, in this order. */
const EXPECTED: readonly ExpectedEvent[] = [
  { type: 'stream.started', factSec: null },
  {
    type: 'alert.blackout',
    factSec: BLACK.fromSec + BLACKOUT_THRESHOLD_SEC,
    says: { what: 'began at', sec: BLACK.fromSec },
  },
  { type: 'alert.blackout_recovered', factSec: endOf(BLACK), says: { what: 'lasted', sec: BLACK.sec } },
  {
    type: 'alert.silence',
    factSec: SILENT.fromSec + SILENCE_THRESHOLD_SEC,
    says: { what: 'began at', sec: SILENT.fromSec },
  },
  { type: 'alert.silence_recovered', factSec: endOf(SILENT), says: { what: 'lasted', sec: SILENT.sec } },
  { type: 'stream.ended', factSec: END_SEC },
]

function endOf(run: { readonly fromSec: number; readonly sec: number }): number {
  return run.fromSec + run.sec
}

/** The broadcast's clock, as the simulator has it. */
export type Wall = { startedAtMs(): number; wallOf(mediaSec: number): number }

/** What came of one expected event; `null` for what did not come. */
export type Outcome = ExpectedEvent & {
  readonly foundSec: number | null
  /** How long after the fact in the stream it was told, in seconds. */
  readonly latenessSec: number | null
}

/** Each expected event, with what the first delivery of it said. */
export function outcomes(deliveries: readonly Delivery[], wall: Wall): readonly Outcome[] {
  return EXPECTED.map((expected) => {
    const delivery = deliveries.find(({ payload }) => payload.event_type === expected.type)
    if (delivery === undefined) return { ...expected, foundSec: null, latenessSec: null }
    const factMs = expected.factSec === null ? wall.startedAtMs() : wall.wallOf(expected.factSec)
    return { ...expected, foundSec: foundSec(expected, delivery, wall), latenessSec: (delivery.atMs - factMs) / 1000 }
  })
}

function foundSec({ says }: ExpectedEvent, { payload }: Delivery, wall: Wall): number | null {
  if (says === undefined) return null
  if (says.what === 'lasted') return Number(payload.data['total_duration_sec'])
  return (Date.parse(String(payload.data['started_at'])) - wall.wallOf(0)) / 1000
}

/** How far a start or a total may be off. */
const TOLERANCE_SEC = 0.25

/** What is wrong with all that came, one sentence each; none: all is well. An event that is delivered again counts once. */
export function problems(deliveries: readonly Delivery[], found: readonly Outcome[]): readonly string[] {
  const events = new Map(deliveries.map(({ payload }) => [payload.event_id, payload.event_type]))
  const came = [...events.values()].join(', ')
  const wanted = EXPECTED.map(({ type }) => type).join(', ')
  const unverified = deliveries.filter(({ verdict }) => verdict !== 'valid')
  return [
    ...(came === wanted ? [] : [`expected ${wanted}; there came ${came || 'nothing'}`]),
    ...unverified.map(({ payload, verdict }) => `${payload.event_type} does not verify: ${verdict}`),
    ...found.filter((outcome) => !isExact(outcome)).map(({ type }) => `${type} is more than ${TOLERANCE_SEC} s off`),
  ]
}

function isExact({ says, foundSec: found }: Outcome): boolean {
  return says === undefined || found === null || Math.abs(found - says.sec) <= TOLERANCE_SEC
}
