import { startSpan } from '../../../shared/trace.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Tracer } from '../../ports/tracer.ts'

/** Discards all metrics, for runtimes without a metrics endpoint. */
export const NO_METRICS: Metrics = { count() {}, observe() {}, set() {}, render: null }

/** Propagates trace context and records no spans. */
export const NO_TRACER: Tracer = {
  span: (start, work) => work({ trace: startSpan(start.parent), note() {}, fail() {} }),
}
