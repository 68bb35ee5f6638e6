import type { CounterDefinition, HistogramDefinition, SampledGaugeDefinition } from '../ports/metrics.ts'

const LAG_SEC = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300]

/** Metrics of monitors. */
export const MONITORS_BY_STATUS = {
  kind: 'sampled_gauge',
  name: 'tallylight_monitors',
  help: 'Monitors by status, the ended ones included, as the database has them.',
  labels: { status: null },
} as const satisfies SampledGaugeDefinition

export const MONITORS_LIMIT = {
  kind: 'sampled_gauge',
  name: 'tallylight_monitors_limit',
  help: 'How many monitors may be active at a time: MAX_MONITORS.',
  labels: {},
} as const satisfies SampledGaugeDefinition

export const RESOLVER_INFO = {
  kind: 'sampled_gauge',
  name: 'tallylight_resolver_info',
  help: 'The yt-dlp that monitors of pages use, by version and source: always 1.',
  labels: { version: null, source: ['PyPI', 'Debian', 'system'] },
} as const satisfies SampledGaugeDefinition

export const SEGMENTS = {
  kind: 'counter',
  name: 'tallylight_segments_total',
  help: 'Segments, from the reports that counted: analyzed, failed (given up), skipped (not analyzed).',
  labels: { outcome: ['analyzed', 'failed', 'skipped'] },
} as const satisfies CounterDefinition

export const ANALYSIS_LAG = {
  kind: 'histogram',
  name: 'tallylight_analysis_lag_seconds',
  help: 'Age of the newest analysis when its report arrived: from its end, by the clock of the worker.',
  labels: {},
  buckets: LAG_SEC,
} as const satisfies HistogramDefinition

export const ALARM_LAG = {
  kind: 'histogram',
  name: 'tallylight_alarm_lag_seconds',
  help: 'Age of the media that made a condition reach its threshold when its alarm arrived, by the times of the stream.',
  labels: { event_type: null },
  buckets: LAG_SEC,
} as const satisfies HistogramDefinition

export const DETECTIONS = {
  kind: 'counter',
  name: 'tallylight_detections_total',
  help: 'Events that workers have reported, by type.',
  labels: { event_type: null },
} as const satisfies CounterDefinition

export const MONITOR_METRICS = [
  MONITORS_BY_STATUS,
  MONITORS_LIMIT,
  RESOLVER_INFO,
  SEGMENTS,
  ANALYSIS_LAG,
  ALARM_LAG,
  DETECTIONS,
]
