import type { CounterDefinition, HistogramDefinition, SampledGaugeDefinition } from '../ports/metrics.ts'
import { POLICIES } from './retry-schedule.ts'

const OUTCOMES = ['delivered', 'refused', 'unreachable'] as const

/** Metrics of webhooks. */
export const WEBHOOK_ATTEMPTS = {
  kind: 'counter',
  name: 'tallylight_webhook_attempts_total',
  help: 'Attempts to deliver a webhook: delivered (2xx), refused (another answer), unreachable (none in time).',
  labels: { outcome: OUTCOMES },
} as const satisfies CounterDefinition

export const WEBHOOK_ATTEMPT_DURATION = {
  kind: 'histogram',
  name: 'tallylight_webhook_attempt_duration_seconds',
  help: 'How long attempts to deliver a webhook took.',
  labels: { outcome: OUTCOMES },
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
} as const satisfies HistogramDefinition

export const WEBHOOK_DELAY = {
  kind: 'histogram',
  name: 'tallylight_webhook_delay_seconds',
  help: 'From the moment that an event was stored to the 2xx of its receiver; redeliveries that a user requested are left out.',
  labels: {},
  buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 600, 3600, 86_400],
} as const satisfies HistogramDefinition

export const WEBHOOKS_FAILED = {
  kind: 'counter',
  name: 'tallylight_webhooks_failed_total',
  help: 'Webhooks given up after their last attempt, by policy.',
  labels: { policy: POLICIES },
} as const satisfies CounterDefinition

export const WEBHOOKS_PENDING = {
  kind: 'sampled_gauge',
  name: 'tallylight_webhooks_pending',
  help: 'Webhooks that wait for their delivery, by policy, as the database has them.',
  labels: { policy: POLICIES },
} as const satisfies SampledGaugeDefinition

export const WEBHOOKS_OLDEST_PENDING = {
  kind: 'sampled_gauge',
  name: 'tallylight_webhooks_oldest_pending_seconds',
  help: 'For how long the oldest of them has been waiting; 0 where none waits.',
  labels: { policy: POLICIES },
} as const satisfies SampledGaugeDefinition

export const OUTBOX_METRICS = [
  WEBHOOK_ATTEMPTS,
  WEBHOOK_ATTEMPT_DURATION,
  WEBHOOK_DELAY,
  WEBHOOKS_FAILED,
  WEBHOOKS_PENDING,
  WEBHOOKS_OLDEST_PENDING,
]
