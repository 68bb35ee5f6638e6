import * as v from 'valibot'

import type { CallNumber } from '../../shared/contract/assignment.ts'
import {
  type BroadcastHealth,
  type BroadcastReport,
  BroadcastReportAccepted,
  type EncoderRun,
  type IngestSource,
  LIVE_REPORT_INTERVAL_MS,
  type StoredSegment,
} from '../../shared/contract/live.ts'
import type { TargetOrder, TargetReport } from '../../shared/contract/live-targets.ts'
import type { Log } from '../../shared/log.ts'
import type { GatewayCallResult } from '../platform/callback.ts'
import { createReportQueue, type ReportQueueOutcome } from '../platform/report-queue.ts'
import { createWakeSignal } from '../platform/wake-signal.ts'

/** Reports the broadcast to the gateway, and keeps what the gateway answers. */
export type BroadcastReporter = {
  reportSegment(segment: StoredSegment, run: EncoderRun): void
  reportHealth(health: BroadcastHealth): void
  reportPoster(poster: number): void
  reportTargets(targets: readonly TargetReport[], urgency: 'now' | 'later'): void
  /** All segments of this session are reported. */
  reportFinished(session: string): void
  /** Returns the encoder to read now; `null`: none, or its session is finished. */
  source(): IngestSource | null
  /** Returns the sources of all sessions that are not stored to their ends, oldest first; the last may be the present one. */
  unfinishedSources(): readonly IngestSource[]
  /** Aborts once the broadcast is over. */
  readonly over: AbortSignal
  /** Resolves with the next answer, after `ms`, or when the signal aborts. */
  waitForAnswer(ms: number, signal: AbortSignal): Promise<void>
  close(): void
  readonly done: Promise<ReportQueueOutcome>
}

export type BroadcastReporterOptions = {
  readonly epoch: number
  readonly partsUrl: string | null
  /** The sources of the order. */
  readonly source: IngestSource | null
  readonly unfinishedSources: readonly IngestSource[]
  readonly send: (body: string, signal: AbortSignal) => Promise<GatewayCallResult>
  /** Receives the targets of each answer. */
  readonly onTargets: (targets: readonly TargetOrder[]) => void
  readonly log: Log
  readonly signal: AbortSignal
}

/** Interval of reports while no encoder publishes: a new one is noticed soon. */
const IDLE_INTERVAL_MS = 500

/** The rows of the segments of more than a day, each of some 300 bytes: a lost one would be lost for the recording. */
const MAX_SEGMENTS = 50_000

const HEALTHY: BroadcastHealth = { lag_sec: 0, is_top_rung_dropped: false, is_passed_through: false, problem: null }

type BroadcastSnapshot = Pick<BroadcastReport, 'health' | 'finished_session' | 'poster'> & {
  readonly targets: readonly TargetReport[]
}
type SegmentEvent = { readonly segment: StoredSegment; readonly run: EncoderRun | null }

/** Creates the reporter, which reports at once. */
export function createBroadcastReporter(options: BroadcastReporterOptions): BroadcastReporter {
  let snapshot: BroadcastSnapshot = { health: HEALTHY, finished_session: null, poster: null, targets: [] }
  let { source, unfinishedSources } = options
  let reportedRun = 0
  const over = new AbortController()
  const answers = createWakeSignal()
  const queue = createReportQueue<BroadcastSnapshot, SegmentEvent>({
    epoch: options.epoch,
    heartbeatIntervalMs: () => (currentSource() === null ? IDLE_INTERVAL_MS : LIVE_REPORT_INTERVAL_MS),
    initialSnapshot: snapshot,
    compose: (number, state, events) => composeReport(number, state, events, options.partsUrl),
    send: options.send,
    onAccepted: takeAnswer,
    maxEvents: MAX_SEGMENTS,
    log: options.log,
    signal: options.signal,
  })

  /** A finished session is not read again, although an answer that was on its way may still name it. */
  function currentSource(): IngestSource | null {
    return source?.session === snapshot.finished_session ? null : source
  }

  function takeAnswer(answer: unknown): void {
    const parsed = v.safeParse(BroadcastReportAccepted, answer)
    if (!parsed.success) return options.log.warn('answer not understood', { problem: v.summarize(parsed.issues) })
    source = parsed.output.source
    unfinishedSources = parsed.output.unfinished_sources
    if (parsed.output.targets !== undefined) options.onTargets(parsed.output.targets)
    if (parsed.output.is_over) over.abort()
    answers.wake()
  }

  function update(change: Partial<BroadcastSnapshot>, urgency: 'now' | 'later', events: readonly SegmentEvent[] = []) {
    snapshot = { ...snapshot, ...change }
    queue.enqueue(snapshot, urgency, events)
  }

  return {
    reportSegment: (segment, run) => {
      const isFirst = run.run > reportedRun
      reportedRun = run.run
      update({}, 'now', [{ segment, run: isFirst ? run : null }])
    },
    reportHealth: (health) => update({ health }, health.problem === snapshot.health.problem ? 'later' : 'now'),
    reportPoster: (poster) => update({ poster }, 'now'),
    reportTargets: (targets, urgency) => update({ targets }, urgency),
    reportFinished: (session) => update({ finished_session: session }, 'now'),
    source: currentSource,
    unfinishedSources: () => unfinishedSources,
    over: over.signal,
    waitForAnswer: (ms, signal) => answers.wait(ms, signal),
    close: () => queue.close(),
    done: queue.done,
  }
}

function composeReport(
  number: CallNumber,
  { health, finished_session, poster, targets }: BroadcastSnapshot,
  events: readonly SegmentEvent[],
  partsUrl: string | null,
): BroadcastReport {
  return {
    ...number,
    runs: events.flatMap(({ run }) => run ?? []),
    segments: events.map(({ segment }) => segment),
    health,
    parts_url: partsUrl,
    finished_session,
    poster,
    targets: [...targets],
  }
}
