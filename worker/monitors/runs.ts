import * as v from 'valibot'

import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import type { Detector } from './detectors/detector.ts'
import { eventAt, toIso, toMillis } from './event.ts'
import type { SideFindings, Span } from './snapshot.ts'

/**
 * What a detector finds without a break, across segments. `alerted`: it has lasted for the threshold, and an alert is
 * open. `mediaSec` is what was seen of it, in seconds of media; times are stream times.
 */
export const Run = v.object({
  kind: v.picklist(['short', 'alerted']),
  startMs: v.number(),
  endMs: v.number(),
  mediaSec: v.number(),
  /** Its end is a program date-time. */
  isDated: v.boolean(),
  /**
   * What came after its end: the border of its segment, `gapSec` later, or also segments that nobody looked at. Those
   * neither add to a run nor end it; if the next one seen is normal, the run is over where that one starts.
   */
  after: v.variant('kind', [
    v.object({ kind: v.literal('border'), gapSec: v.number() }),
    v.object({ kind: v.literal('unseen') }),
  ]),
})
export type Run = Readonly<v.InferOutput<typeof Run>>

/** The runs that reach the end of what was seen, by their detector's name. */
export const Runs = v.pipe(v.record(v.string(), Run), v.readonly())
export type Runs = v.InferOutput<typeof Runs>

/** A segment that was looked at. */
export type SeenSegment = {
  readonly sequence: number | null
  /** Stream time of its start in ms since 1970; where `isDated`, a program date-time. */
  readonly startMs: number
  readonly isDated: boolean
  readonly durationSec: number
}

/** What a detector made of a segment: the run that reaches the segment's end, and the alerts that were raised. */
export type RunStep = { readonly run: Run | null; readonly alerts: number; readonly events: readonly MonitorEvent[] }

/** A span this close to a segment's border touches it: detectors are up to two frames short there. */
const JOIN_SEC = 0.1

/** A run that is about a frame short of the threshold has reached it. */
const FRAME_SEC = 0.04

/** A segment that begins so long after a run's end does not go on with it, nor by less than a target duration. */
const LEAST_GAP_MS = 2000

/** What a detector needs to tell of its runs. */
export type Telling = { readonly detector: Detector; readonly config: MonitorConfig; readonly atMs: number }

/** The run that a segment can go on with: what lies `stepMs` and more before it is over, unless an alert stands for it. */
export function reaching(run: Run | null, segment: SeenSegment, stepMs: number): Run | null {
  if (run === null || run.kind === 'alerted' || run.after.kind === 'unseen') return run
  const gapMs = run.isDated && segment.isDated ? segment.startMs - run.endMs : 0
  return gapMs > Math.max(LEAST_GAP_MS, stepMs) ? null : run
}

/** Joins what a detector found in a segment to the run that reached the segment's start, and says what came of it. */
export function seen(run: Run | null, findings: SideFindings, segment: SeenSegment, telling: Telling): RunStep {
  const spans = spansOf(findings, segment, telling.detector)
  const [first] = spans
  const goesOn = run !== null && first !== undefined && first.fromSec <= JOIN_SEC
  const over = run === null || goesOn ? [] : recovery(run, segment, telling)
  let step: RunStep = { run: goesOn ? run : null, alerts: 0, events: over }
  for (const span of spans) step = afterSpan(step, span, segment, telling)
  return step
}

/** A side that is not there counts as one that is black or silent throughout. */
function spansOf(findings: SideFindings, segment: SeenSegment, detector: Detector): readonly Span[] {
  if (findings.kind === 'absent') return [{ fromSec: 0, toSec: segment.durationSec }]
  return findings.spans[detector.name] ?? []
}

function afterSpan(before: RunStep, span: Span, segment: SeenSegment, telling: Telling): RunStep {
  const run = joined(before.run, span, segment)
  const thresholdSec = telling.config[telling.detector.threshold]
  const isAlert = run.kind === 'short' && run.mediaSec >= thresholdSec - FRAME_SEC
  const told: Run = isAlert ? { ...run, kind: 'alerted' } : run
  const goesOn = span.toSec >= segment.durationSec - JOIN_SEC
  return {
    run: goesOn ? told : null,
    alerts: before.alerts + (isAlert ? 1 : 0),
    events: [
      ...before.events,
      ...(isAlert ? [alert(told, segment, telling)] : []),
      ...(goesOn ? [] : recovery(told, segment, telling)),
    ],
  }
}

/**
 * The run with a span of this segment added. A span that reaches back is the truth about the segment before: it
 * replaces what was counted there.
 */
function joined(run: Run | null, { fromSec, toSec }: Span, segment: SeenSegment): Run {
  const endMs = segment.startMs + toSec * 1000
  const after = { kind: 'border', gapSec: Math.max(segment.durationSec - toSec, 0) } as const
  const beforeSec = Math.max(-fromSec, 0)
  const { isDated } = segment
  if (run === null) {
    const startMs = segment.startMs + fromSec * 1000
    return { kind: 'short', startMs, endMs, mediaSec: toSec - fromSec, isDated, after }
  }
  const countedSec = run.mediaSec + (run.after.kind === 'border' ? run.after.gapSec : 0)
  const startMs = Math.min(run.startMs, segment.startMs - beforeSec * 1000)
  return { ...run, startMs, endMs, mediaSec: Math.max(countedSec, beforeSec) + toSec, isDated, after }
}

function alert(run: Run, segment: SeenSegment, { detector, config, atMs }: Telling): MonitorEvent {
  const thresholdSec = config[detector.threshold]
  return eventAt(atMs, detector.alertEvent, {
    duration_sec: atLeast(thresholdSec, run),
    started_at: toIso(run.startMs),
    threshold_sec: thresholdSec,
    segment_info: { sequence: segment.sequence, duration: toMillis(segment.durationSec) },
  })
}

/** The recovery of a run that a normal picture or sound has ended, if an alert is open for it. */
function recovery(run: Run, segment: SeenSegment, telling: Telling): readonly MonitorEvent[] {
  return closed(run, telling, run.after.kind === 'unseen' ? segment.startMs : run.endMs)
}

/** The recovery of a run that is over, if an alert is open for it. */
export function closed(run: Run, { detector, config, atMs }: Telling, endMs = run.endMs): readonly MonitorEvent[] {
  if (run.kind === 'short') return []
  const data = {
    total_duration_sec: atLeast(config[detector.threshold], run),
    started_at: toIso(run.startMs),
    recovered_at: toIso(endMs),
  }
  return [eventAt(atMs, detector.recoveredEvent, data)]
}

/** The run after segments that nobody looked at. */
export function unseen(run: Run): Run {
  return { ...run, after: { kind: 'unseen' } }
}

/** What counts as the threshold is told as the threshold, though the detector missed a frame of it. */
function atLeast(thresholdSec: number, run: Run): number {
  return toMillis(Math.max(run.mediaSec, thresholdSec))
}
