import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import type { GaugeSample, MetricDefinition, Metrics } from '../../ports/metrics.ts'

/**
 * Interval of the samples of the event loop's lag, in ms, which each sample includes. prom-client's 10 ms wake an idle
 * process a hundred times a second, which is most of its CPU.
 */
const LAG_SAMPLE_MS = 100

/** Creates the metrics of one gateway, and the default process metrics of prom-client. */
export function createPrometheus(definitions: readonly MetricDefinition[]): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS })
  const { counters, gauges, sampled, histograms } = registerMetrics(registry, definitions)
  return {
    count: ({ name }, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: ({ name }, labels, value) => histograms.get(name)?.observe(labels, value),
    set: ({ name }, labels, value) => gauges.get(name)?.set(labels, value),
    render: (samples) => {
      setSamples(samples, sampled)
      return registry.metrics()
    },
  }
}

type SampledGauge = { readonly gauge: Gauge; readonly hasLabels: boolean }

function registerMetrics(registry: Registry, definitions: readonly MetricDefinition[]) {
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const sampled = new Map<string, SampledGauge>()
  const histograms = new Map<string, Histogram>()
  for (const metric of definitions) {
    const { name, help, labels } = metric
    const common = { name, help, labelNames: Object.keys(labels), registers: [registry] }
    switch (metric.kind) {
      case 'counter':
        counters.set(name, startAtZero(new Counter(common), labels))
        break
      case 'histogram':
        histograms.set(name, new Histogram({ ...common, buckets: [...metric.buckets] }))
        break
      case 'gauge':
        gauges.set(name, new Gauge(common))
        break
      case 'sampled_gauge':
        sampled.set(name, { gauge: new Gauge(common), hasLabels: Object.keys(labels).length > 0 })
        break
    }
  }
  return { counters, gauges, sampled, histograms }
}

/**
 * Sets a counter to 0 for every combination of known label values. A counter that appears with its first increment
 * would show no increase in Prometheus.
 */
function startAtZero(counter: Counter, labels: MetricDefinition['labels']): Counter {
  for (const combination of combineLabels(Object.entries(labels))) counter.inc(combination, 0)
  return counter
}

function combineLabels([first, ...rest]: [string, readonly string[] | null][]): Record<string, string>[] {
  if (first === undefined) return [{}]
  const [name, values] = first
  return (values ?? []).flatMap((value) => combineLabels(rest).map((others) => ({ [name]: value, ...others })))
}

/** Replaces the samples of the previous scrape, so that a vanished sample does not stay. */
function setSamples(samples: readonly GaugeSample[], gauges: ReadonlyMap<string, SampledGauge>): void {
  for (const { gauge, hasLabels } of gauges.values()) {
    gauge.reset()
    // `reset` sets a gauge without labels to 0, which would count as a sample.
    if (!hasLabels) gauge.remove()
  }
  for (const { metric, labels, value } of samples) gauges.get(metric.name)?.gauge.set(labels, value)
}
