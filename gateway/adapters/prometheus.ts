import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import { FIGURES, type Reading } from '../metrics/figures.ts'
import type { Metrics } from '../metrics/metrics.ts'

/** The figures of one gateway, beside those that prom-client keeps of every Node process. */
export function createPrometheus(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const { counters, gauges, read, histograms } = register(registry)
  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name, labels, value) => histograms.get(name)?.observe(labels, value),
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    render: (readings) => {
      show(readings, read)
      return registry.metrics()
    },
  }
}

function register(registry: Registry) {
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const read = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  for (const [name, figure] of Object.entries(FIGURES)) {
    const { help, labels } = figure
    const common = { name, help, labelNames: Object.keys(labels), registers: [registry] }
    if (figure.kind === 'counter') counters.set(name, startCounter(new Counter(common), labels))
    else if (figure.kind === 'histogram')
      histograms.set(name, new Histogram({ ...common, buckets: [...figure.buckets] }))
    else if (figure.kind === 'gauge') gauges.set(name, new Gauge(common))
    else read.set(name, new Gauge(common))
  }
  return { counters, gauges, read, histograms }
}

/** A counter that appears with its first count shows no increase by it: where all labels are known, it begins at 0. */
function startCounter(counter: Counter, labels: LabelValues): Counter {
  for (const each of combinations(Object.entries(labels))) counter.inc(each, 0)
  return counter
}

type LabelValues = Readonly<Record<string, readonly string[] | null>>

function combinations([first, ...rest]: [string, readonly string[] | null][]): Record<string, string>[] {
  if (first === undefined) return [{}]
  const [name, values] = first
  return (values ?? []).flatMap((value) => combinations(rest).map((others) => ({ [name]: value, ...others })))
}

/** What was read before, and is not there any more, would otherwise be shown for ever. */
function show(readings: readonly Reading[], gauges: ReadonlyMap<string, Gauge>): void {
  for (const [name, gauge] of gauges) {
    gauge.reset()
    // One without labels is reset to 0, which says something.
    if (FIGURES_WITHOUT_LABELS.has(name)) gauge.remove()
  }
  for (const { name, labels, value } of readings) gauges.get(name)?.set(labels, value)
}

const FIGURES_WITHOUT_LABELS: ReadonlySet<string> = new Set(
  Object.entries(FIGURES).flatMap(([name, { labels }]) => (Object.keys(labels).length === 0 ? [name] : [])),
)
