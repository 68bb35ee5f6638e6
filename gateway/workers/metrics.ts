import type {
  CounterDefinition,
  GaugeDefinition,
  HistogramDefinition,
  SampledGaugeDefinition,
} from '../ports/metrics.ts'
import { WORKER_STATES } from './worker-states.ts'

/** Metrics of workers. */
export const WORKER_REPORTS = {
  kind: 'counter',
  name: 'tallylight_worker_reports_total',
  help: "Workers' reports: counted, duplicate (counted before), refused (of a worker that was replaced or has ended).",
  labels: { outcome: ['counted', 'duplicate', 'refused'] },
} as const satisfies CounterDefinition

export const WORKERS = {
  kind: 'sampled_gauge',
  name: 'tallylight_workers',
  help: 'Workers by kind and state: waiting (to be launched), starting, running, silent (past their lease).',
  labels: { kind: null, state: WORKER_STATES },
} as const satisfies SampledGaugeDefinition

export const LAUNCH_QUEUE = {
  kind: 'sampled_gauge',
  name: 'tallylight_launch_queue_seconds',
  help: 'For how long the first worker that waits to be launched has been due; 0 where none is.',
  labels: { kind: null },
} as const satisfies SampledGaugeDefinition

export const WORKER_LAUNCHES = {
  kind: 'counter',
  name: 'tallylight_worker_launches_total',
  help: 'Launches of workers: launched, busy (one of the name is still ending), failed (refused), unavailable (not reached).',
  labels: { kind: null, outcome: ['launched', 'busy', 'failed', 'unavailable'] },
} as const satisfies CounterDefinition

export const WORKER_LOSSES = {
  kind: 'counter',
  name: 'tallylight_worker_losses_total',
  help: 'Workers lost, by the reason of their end, and whether another one follows (relaunch) or not (give_up).',
  labels: { kind: null, reason: null, next: ['relaunch', 'give_up'] },
} as const satisfies CounterDefinition

export const WORKER_RESTARTS = {
  kind: 'counter',
  name: 'tallylight_worker_restarts_total',
  help: 'Workers that their launcher itself (the kubelet) has started again, by the reason of the end before.',
  labels: { kind: null, reason: null },
} as const satisfies CounterDefinition

export const RECONCILE_DURATION = {
  kind: 'histogram',
  name: 'tallylight_reconcile_duration_seconds',
  help: 'How long it took to compare what should run with what does, and to act on it.',
  labels: {},
  buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
} as const satisfies HistogramDefinition

export const RECONCILE_LAST_SUCCESS = {
  kind: 'gauge',
  name: 'tallylight_reconcile_last_success_timestamp_seconds',
  help: 'When such a comparison last came to its end, in unix seconds.',
  labels: {},
} as const satisfies GaugeDefinition

export const RECONCILE_FOUND = {
  kind: 'counter',
  name: 'tallylight_reconcile_found_total',
  help: 'Differences found by it, by kind: missing, failed, zombie, orphan and the like.',
  labels: { finding: null },
} as const satisfies CounterDefinition

export const WORKER_METRICS = [
  WORKER_REPORTS,
  WORKERS,
  LAUNCH_QUEUE,
  WORKER_LAUNCHES,
  WORKER_LOSSES,
  WORKER_RESTARTS,
  RECONCILE_DURATION,
  RECONCILE_LAST_SUCCESS,
  RECONCILE_FOUND,
]
