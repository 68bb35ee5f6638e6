import type { SampledGaugeDefinition } from '../ports/metrics.ts'

/** Metrics of jobs. */
export const JOBS_BY_STATUS = {
  kind: 'sampled_gauge',
  name: 'tallylight_jobs',
  help: 'Jobs by status, the ended ones included, as the database has them.',
  labels: { status: null },
} as const satisfies SampledGaugeDefinition

export const JOB_QUEUE_DEPTH = {
  kind: 'sampled_gauge',
  name: 'tallylight_job_queue_depth',
  help: 'Tasks of jobs (whole jobs, chunks, joins, cleanups) that wait for a worker.',
  labels: {},
} as const satisfies SampledGaugeDefinition

export const ENCODE_WORKERS_LIMIT = {
  kind: 'sampled_gauge',
  name: 'tallylight_encode_workers_limit',
  help: 'How many encode workers may run at a time: MAX_ENCODE_WORKERS.',
  labels: {},
} as const satisfies SampledGaugeDefinition

export const JOB_METRICS = [JOBS_BY_STATUS, JOB_QUEUE_DEPTH, ENCODE_WORKERS_LIMIT]
