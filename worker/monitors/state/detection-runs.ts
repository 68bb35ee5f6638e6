/**
 * Runs join the spans of one detector across segments. A run grows by each span that touches the border of its segment
 * and is continued in the next one. It becomes an alert at the detector's threshold and recovers where a normal picture
 * or sound follows. Segments that were not analyzed suspend a run: they neither add to it nor end it. With
 * `coverage: latest` those that were left out between two checks count where the segment before them and the one behind
 * them are both detected throughout.
 */

import * as v from 'valibot'

import type { MonitorConfig, MonitorEvent } from '../../../shared/contract/monitors.ts'
import type { Detector } from '../analyze/detectors/detector.ts'
import { DETECTORS } from '../analyze/detectors/list.ts'
import type { DetectionSpan, TrackFindings } from '../analyze/findings.ts'
import type { TrackSelection } from '../stream.ts'
import { type MediaTimeline, toStreamMs } from './media-timeline.ts'
import { createEvent, formatTime, roundToMillis } from './monitor-event.ts'

/**
 * An unbroken detection across segments. `alerted`: it has reached the threshold and its alert is open. Times are
 * stream times; `mediaSec` is the media that counts in it, in seconds.
 */
export const DetectionRun = v.object({
  kind: v.picklist(['short', 'alerted']),
  startMs: v.number(),
  endMs: v.number(),
  mediaSec: v.number(),
  /** Its end is a program date-time. */
  isDated: v.boolean(),
  /**
   * What followed its end: only the border of its segment, `gapSec` later, or segments that were not analyzed. If the
   * next analyzed segment is normal, a run after unseen segments ends at that segment's start. `isWhole`: it covers its
   * last segment, and those that followed were left out only.
   */
  after: v.variant('kind', [
    v.object({ kind: v.literal('border'), gapSec: v.number(), isWhole: v.optional(v.boolean(), false) }),
    v.object({ kind: v.literal('unseen'), isWhole: v.optional(v.boolean(), false) }),
  ]),
})
export type DetectionRun = Readonly<v.InferOutput<typeof DetectionRun>>

/** The runs that reach the end of the analyzed media, by their detector's name. */
export const DetectionRuns = v.pipe(v.record(v.string(), DetectionRun), v.readonly())
export type DetectionRuns = v.InferOutput<typeof DetectionRuns>

/** A segment that was analyzed. */
export type AnalyzedSegment = {
  readonly sequence: number | null
  /** Stream time of its start in ms since 1970; a program date-time where `isDated`. */
  readonly startMs: number
  readonly isDated: boolean
  readonly durationSec: number
  /** It directly follows the last analyzed one by the playlist or the media, whatever its date-time says. */
  readonly isContinuous?: boolean
  /** The media that it directly follows; none where its stream times are no date-times. */
  readonly before?: MediaTimeline
}

/** A detector's run at the end of a segment, and the alerts raised on the way. */
export type RunTransition = {
  readonly run: DetectionRun | null
  readonly alerts: number
  readonly events: readonly MonitorEvent[]
}

/** A span this close to a segment's border touches it: detectors miss up to two frames there. */
const JOIN_SEC = 0.1

/** A run that lacks about one frame has reached the threshold. */
const FRAME_SEC = 0.04

/** A larger gap than this, and than a target duration, separates a segment from the run before it. */
const MIN_GAP_MS = 2000

/** A detector, its config and the time of the observation. */
export type DetectionContext = { readonly detector: Detector; readonly config: MonitorConfig; readonly atMs: number }

/**
 * Returns the run if a segment can continue it. A gap of more than `gapMs` between date-times ends a run without an
 * alert, unless the segment is known to follow: a clock that was set leaves no gap in the media.
 */
export function runBeforeSegment(
  run: DetectionRun | null,
  segment: AnalyzedSegment,
  gapMs: number,
): DetectionRun | null {
  if (run === null || run.kind === 'alerted' || run.after.kind === 'unseen') return run
  if (segment.isContinuous === true) return run
  const sinceRunMs = run.isDated && segment.isDated ? segment.startMs - run.endMs : 0
  return sinceRunMs > Math.max(MIN_GAP_MS, gapMs) ? null : run
}

/** Returns the run after a segment: extended by the detector's spans, or ended, with its alerts and recoveries. */
export function extendRun(
  run: DetectionRun | null,
  findings: TrackFindings,
  segment: AnalyzedSegment,
  context: DetectionContext,
): RunTransition {
  if (run !== null && findings.kind === 'undecodable' && showsInContent(context.detector)) {
    return { run: suspendRun(run, 'failed'), alerts: 0, events: [] }
  }
  const spans = spansOfDetector(run, findings, segment, context.detector)
  const [first] = spans
  const isContinued = run !== null && first !== undefined && first.fromSec <= JOIN_SEC
  const recoveries = run === null || isContinued ? [] : endRunAtSegment(run, segment, context)
  let transition: RunTransition = { run: isContinued ? run : null, alerts: 0, events: recoveries }
  for (const span of spans) transition = afterSpan(transition, span, segment, context)
  return transition
}

/**
 * Returns a detector's spans in a segment. An absent track counts as black or silent throughout, and as missing where it
 * is declared or was missing before.
 */
function spansOfDetector(
  run: DetectionRun | null,
  findings: TrackFindings,
  segment: AnalyzedSegment,
  { name, whenAbsent }: Detector,
): readonly DetectionSpan[] {
  if (findings.kind === 'present') return findings.spans[name] ?? []
  if (findings.kind === 'undecodable' || whenAbsent === 'clear') return []
  const isDetected = whenAbsent === 'detected' || findings.isDeclared || run !== null
  return isDetected ? [{ fromSec: 0, toSec: segment.durationSec }] : []
}

/** Reports whether there is a run of what only decoded pictures show. */
export function hasPictureRun(runs: DetectionRuns): boolean {
  return DETECTORS.some(
    (detector) => detector.track === 'picture' && showsInContent(detector) && runs[detector.name] !== undefined,
  )
}

/** Reports whether only a decoded track shows the condition. */
function showsInContent(detector: Detector): boolean {
  return (detector.track === 'picture' ? detector.pictures : detector.sound) !== 'none'
}

function afterSpan(
  before: RunTransition,
  span: DetectionSpan,
  segment: AnalyzedSegment,
  context: DetectionContext,
): RunTransition {
  const joined = joinSpan(before.run, span, { segment, context })
  const thresholdSec = context.config[context.detector.threshold]
  const isAlert = joined.kind === 'short' && joined.mediaSec >= thresholdSec - FRAME_SEC
  const run: DetectionRun = isAlert ? { ...joined, kind: 'alerted' } : joined
  const reachesBorder = span.toSec >= segment.durationSec - JOIN_SEC
  return {
    run: reachesBorder ? run : null,
    alerts: before.alerts + (isAlert ? 1 : 0),
    events: [
      ...before.events,
      ...(isAlert ? [createAlert(run, segment, context)] : []),
      ...(reachesBorder ? [] : endRunAtSegment(run, segment, context)),
    ],
  }
}

/**
 * Returns the run with a span of a segment added. A span that begins in the previous segment is exact there and
 * replaces what the run had counted of that segment.
 */
function joinSpan(
  run: DetectionRun | null,
  span: DetectionSpan,
  { segment, context }: { readonly segment: AnalyzedSegment; readonly context: DetectionContext },
): DetectionRun {
  const { fromSec, toSec } = span
  const timeOf = (sec: number) => toStreamMs(segment, sec, segment.before ?? [])
  const endMs = timeOf(toSec)
  const isWhole = isWholeSegment(span, segment)
  const after = { kind: 'border', gapSec: Math.max(segment.durationSec - toSec, 0), isWhole } as const
  const beforeSec = Math.max(-fromSec, 0)
  const { isDated } = segment
  if (run === null) {
    return { kind: 'short', startMs: timeOf(fromSec), endMs, mediaSec: toSec - fromSec, isDated, after }
  }
  const betweenSec =
    run.after.kind === 'border' ? run.after.gapSec : isWhole ? countLeftOutSec(run, segment, context) : 0
  const countedSec = run.mediaSec + betweenSec
  // A date-time that leaps back does not make the run begin earlier.
  const startMs = beforeSec > countedSec ? timeOf(fromSec) : run.startMs
  return { ...run, startMs, endMs, mediaSec: Math.max(countedSec, beforeSec) + toSec, isDated, after }
}

function isWholeSegment({ fromSec, toSec }: DetectionSpan, { durationSec }: AnalyzedSegment): boolean {
  return fromSec <= JOIN_SEC && toSec >= durationSec - JOIN_SEC
}

/** Checks that may be missed between two segments that stand for what lies between them. */
const MAX_MISSED_CHECKS = 1

/** Returns the seconds of the segments that `coverage: latest` left out between a run and a segment. */
function countLeftOutSec(
  { after, endMs }: DetectionRun,
  { startMs, durationSec }: AnalyzedSegment,
  { config }: DetectionContext,
): number {
  if (config.coverage !== 'latest' || !after.isWhole) return 0
  const betweenSec = (startMs - endMs) / 1000
  const checkSec = config.check_interval_sec + durationSec
  return betweenSec > 0 && betweenSec <= checkSec * (1 + MAX_MISSED_CHECKS) ? betweenSec : 0
}

function createAlert(run: DetectionRun, segment: AnalyzedSegment, context: DetectionContext): MonitorEvent {
  const { detector, config, atMs } = context
  const thresholdSec = config[detector.threshold]
  return createEvent(atMs, detector.alertEvent, {
    duration_sec: reportedDurationSec(run, thresholdSec),
    started_at: formatTime(run.startMs),
    threshold_sec: thresholdSec,
    ...detector.data,
    segment_info: { sequence: segment.sequence, duration: roundToMillis(segment.durationSec) },
  })
}

/** Ends a run at a normal picture or sound in a segment. */
function endRunAtSegment(
  run: DetectionRun,
  segment: AnalyzedSegment,
  context: DetectionContext,
): readonly MonitorEvent[] {
  return endRun(run, context, run.after.kind === 'unseen' ? segment.startMs : run.endMs)
}

/** Returns the recovery of a run that has ended, if its alert is open. */
export function endRun(
  run: DetectionRun,
  { detector, config, atMs }: DetectionContext,
  endMs = run.endMs,
): readonly MonitorEvent[] {
  if (run.kind === 'short') return []
  const data = {
    total_duration_sec: reportedDurationSec(run, config[detector.threshold]),
    started_at: formatTime(run.startMs),
    recovered_at: formatTime(endMs),
    ...detector.data,
  }
  return [createEvent(atMs, detector.recoveredEvent, data)]
}

/** Returns the run after segments that were not analyzed: they failed, or were left out. */
export function suspendRun(run: DetectionRun, cause: 'failed' | 'skipped'): DetectionRun {
  return { ...run, after: { kind: 'unseen', isWhole: cause === 'skipped' && run.after.isWhole } }
}

/** Returns the runs after a change to those of a rendition's detectors; `null` drops a run. */
export function changeRuns(
  runs: DetectionRuns,
  tracks: TrackSelection,
  change: (run: DetectionRun) => DetectionRun | null,
): DetectionRuns {
  const isAffected = (name: string) =>
    DETECTORS.some((detector) => detector.name === name && (tracks === 'both' || tracks === detector.track))
  const changed = Object.entries(runs).map(([name, run]) => [name, isAffected(name) ? change(run) : run] as const)
  return Object.fromEntries(changed.flatMap(([name, run]) => (run === null ? [] : [[name, run]])))
}

/** Returns a run's duration, at least the threshold: a run that counts as having reached it may lack a frame. */
function reportedDurationSec(run: DetectionRun, thresholdSec: number): number {
  return roundToMillis(Math.max(run.mediaSec, thresholdSec))
}
