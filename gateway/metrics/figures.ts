/** Every figure of ours that `/metrics` shows: the one place where their names, labels and meanings stand. */

import { POLICIES } from '../outbox/schedule.ts'
import { WORKER_STATES } from '../workers/status/state.ts'

/** What a figure is to Prometheus. */
type Figure = {
  /** `reading`: a gauge that is not kept here but read, from the database above all, whenever it is shown. */
  readonly kind: 'counter' | 'gauge' | 'reading' | 'histogram'
  readonly help: string
  /**
   * Its labels with all values that each can take, or `null` where these are known elsewhere (routes, kinds, statuses):
   * always few, and never an id, an address or a text of others.
   */
  readonly labels: Readonly<Record<string, readonly string[] | null>>
  /** Upper bounds of a histogram's buckets, in the unit that its name says. */
  readonly buckets?: readonly number[]
}

const QUICK_SEC = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const LAG_SEC = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300]
const ATTEMPT_OUTCOMES = ['delivered', 'refused', 'unreachable'] as const
const DELIVERY_SEC = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 600, 3600, 86_400]

export const FIGURES = {
  tallylight_http_requests_total: {
    kind: 'counter',
    help: 'Requests answered, by method, route (unmatched: none) and status class.',
    labels: { method: null, route: null, status: null },
  },
  tallylight_http_request_duration_seconds: {
    kind: 'histogram',
    help: 'How long requests took to be answered.',
    labels: { method: null, route: null },
    buckets: QUICK_SEC,
  },
  tallylight_database_up: {
    kind: 'reading',
    help: 'Whether the database answered this scrape in time: 1 or 0. Without it, figures that it keeps are absent.',
    labels: {},
  },
  tallylight_monitors: {
    kind: 'reading',
    help: 'Monitors by status, the ended ones included, as the database has them.',
    labels: { status: null },
  },
  tallylight_monitors_limit: {
    kind: 'reading',
    help: 'How many monitors may be active at a time: MAX_MONITORS.',
    labels: {},
  },
  tallylight_jobs: {
    kind: 'reading',
    help: 'Jobs by status, the ended ones included, as the database has them.',
    labels: { status: null },
  },
  tallylight_job_queue_depth: {
    kind: 'reading',
    help: 'Pieces of work of jobs (whole jobs, chunks, joins, clean-ups) that wait for a worker.',
    labels: {},
  },
  tallylight_encode_workers_limit: {
    kind: 'reading',
    help: 'How many encode workers may run at a time: MAX_ENCODE_WORKERS.',
    labels: {},
  },
  tallylight_worker_reports_total: {
    kind: 'counter',
    help: "Workers' reports: counted, duplicate (counted before), refused (of a worker that was replaced or has ended).",
    labels: { outcome: ['counted', 'duplicate', 'refused'] },
  },
  tallylight_segments_total: {
    kind: 'counter',
    help: 'Segments as counted reports tell them: analyzed, failed (given up), skipped (not looked at).',
    labels: { outcome: ['analyzed', 'failed', 'skipped'] },
  },
  tallylight_analysis_lag_seconds: {
    kind: 'histogram',
    help: 'Age of the newest analysis when the report arrived that told it: from its end, by the clock of the worker.',
    labels: {},
    buckets: LAG_SEC,
  },
  tallylight_alarm_lag_seconds: {
    kind: 'histogram',
    help: 'Age of the media that made a blackout or silence reach its threshold when its alarm arrived, by the times of the stream.',
    labels: { event_type: null },
    buckets: LAG_SEC,
  },
  tallylight_detections_total: {
    kind: 'counter',
    help: 'Events that workers have reported, by type.',
    labels: { event_type: null },
  },
  tallylight_webhook_attempts_total: {
    kind: 'counter',
    help: 'Attempts to deliver a webhook: delivered (2xx), refused (another answer), unreachable (none in time).',
    labels: { outcome: ATTEMPT_OUTCOMES },
  },
  tallylight_webhook_attempt_duration_seconds: {
    kind: 'histogram',
    help: 'How long attempts to deliver a webhook took.',
    labels: { outcome: ATTEMPT_OUTCOMES },
    buckets: QUICK_SEC,
  },
  tallylight_webhook_delay_seconds: {
    kind: 'histogram',
    help: 'From the moment that an event was stored to the 2xx of its receiver; deliveries that a user asked for again are left out.',
    labels: {},
    buckets: DELIVERY_SEC,
  },
  tallylight_webhooks_failed_total: {
    kind: 'counter',
    help: 'Webhooks given up after their last attempt, by policy.',
    labels: { policy: POLICIES },
  },
  tallylight_webhooks_pending: {
    kind: 'reading',
    help: 'Webhooks that wait for their delivery, by policy, as the database has them.',
    labels: { policy: POLICIES },
  },
  tallylight_webhooks_oldest_pending_seconds: {
    kind: 'reading',
    help: 'For how long the oldest of them has been waiting; 0 where none does.',
    labels: { policy: POLICIES },
  },
  tallylight_workers: {
    kind: 'reading',
    help: 'Workers by kind and state: waiting (to be launched), starting, running, silent (past their lease).',
    labels: { kind: null, state: WORKER_STATES },
  },
  tallylight_launch_queue_seconds: {
    kind: 'reading',
    help: 'For how long the first worker that waits to be launched has been due; 0 where none is.',
    labels: { kind: null },
  },
  tallylight_worker_launches_total: {
    kind: 'counter',
    help: 'Launches of workers: launched, busy (one of the name is still ending), failed (refused), unavailable (not reached).',
    labels: { kind: null, outcome: ['launched', 'busy', 'failed', 'unavailable'] },
  },
  tallylight_worker_losses_total: {
    kind: 'counter',
    help: 'Workers lost, by the reason of their end, and whether another one follows (relaunch) or not (give_up).',
    labels: { kind: null, reason: null, next: ['relaunch', 'give_up'] },
  },
  tallylight_worker_restarts_total: {
    kind: 'counter',
    help: 'Workers that their launcher itself (the kubelet) has started again, by the reason of the end before.',
    labels: { kind: null, reason: null },
  },
  tallylight_reconcile_duration_seconds: {
    kind: 'histogram',
    help: 'How long it took to compare what should run with what does, and to act on it.',
    labels: {},
    buckets: LAG_SEC,
  },
  tallylight_reconcile_last_success_timestamp_seconds: {
    kind: 'gauge',
    help: 'When such a comparison last came to its end, in unix seconds.',
    labels: {},
  },
  tallylight_reconcile_found_total: {
    kind: 'counter',
    help: 'Differences found by it, by kind: missing, failed, zombie, orphan and the like.',
    labels: { finding: null },
  },
} as const satisfies Readonly<Record<`tallylight_${string}`, Figure>>

type Figures = typeof FIGURES
export type FigureName = keyof Figures
type NameOf<Kind> = { [N in FigureName]: Figures[N]['kind'] extends Kind ? N : never }[FigureName]
export type CounterName = NameOf<'counter'>
export type GaugeName = NameOf<'gauge'>
export type HistogramName = NameOf<'histogram'>
type Labels<N extends FigureName> = Figures[N]['labels']
type ValueOf<Values> = Values extends readonly (infer Value extends string)[] ? Value : string
export type LabelsOf<N extends FigureName> = keyof Labels<N> extends never
  ? Readonly<Record<string, never>>
  : { readonly [L in keyof Labels<N>]: ValueOf<Labels<N>[L]> }

/** A gauge as it was read. */
export type Reading = {
  [N in NameOf<'reading'>]: { readonly name: N; readonly labels: LabelsOf<N>; readonly value: number }
}[NameOf<'reading'>]
