import { HTTP_METRICS } from '../http/metrics.ts'
import { MAIL_METRICS } from '../mail/metrics.ts'
import { OUTBOX_METRICS } from '../outbox/metrics.ts'
import type { MetricDefinition, SampledGaugeDefinition } from '../ports/metrics.ts'
import { WORKER_METRICS } from '../workers/metrics.ts'

export const DATABASE_UP = {
  kind: 'sampled_gauge',
  name: 'tallylight_database_up',
  help: 'Whether the database answered this scrape in time: 1 or 0. Where it did not, the metrics that it holds are absent.',
  labels: {},
} as const satisfies SampledGaugeDefinition

/** Returns the metrics of a gateway: the kernel's and those of its systems. */
export function allMetrics(
  systems: readonly { readonly metrics: readonly MetricDefinition[] }[],
): readonly MetricDefinition[] {
  const ofSystems = systems.flatMap(({ metrics }) => metrics)
  return [...HTTP_METRICS, DATABASE_UP, ...OUTBOX_METRICS, ...MAIL_METRICS, ...WORKER_METRICS, ...ofSystems]
}
