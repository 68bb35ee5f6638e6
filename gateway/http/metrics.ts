import type { CounterDefinition, HistogramDefinition } from '../ports/metrics.ts'

/** Metrics of HTTP requests. */
export const HTTP_REQUESTS = {
  kind: 'counter',
  name: 'tallylight_http_requests_total',
  help: 'Requests answered, by method, route (unmatched: none) and status class.',
  labels: { method: null, route: null, status: null },
} as const satisfies CounterDefinition

export const HTTP_REQUEST_DURATION = {
  kind: 'histogram',
  name: 'tallylight_http_request_duration_seconds',
  help: 'How long requests took to be answered.',
  labels: { method: null, route: null },
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
} as const satisfies HistogramDefinition

export const HTTP_METRICS = [HTTP_REQUESTS, HTTP_REQUEST_DURATION]
