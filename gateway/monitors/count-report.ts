import type { MonitorEvent, MonitorReport, MonitorStatistics } from '../../shared/contract/monitors.ts'
import type { Metrics } from '../ports/metrics.ts'
import { WORKER_REPORTS } from '../workers/metrics.ts'
import { ALARM_LAG, ANALYSIS_LAG, DETECTIONS, SEGMENTS } from './metrics.ts'

/**
 * Counts what is new in a report since `before`, the counters that the monitor had. A worker that could not resume starts at
 * 0 again, which subtracts nothing.
 */
export function countReport(metrics: Metrics, before: MonitorStatistics, report: MonitorReport, nowMs: number): void {
  const { statistics, health, events } = report
  metrics.count(WORKER_REPORTS, { outcome: 'counted' })
  for (const { counter, outcome } of SEGMENT_COUNTERS) {
    const more = statistics[counter] - before[counter]
    if (more > 0) metrics.count(SEGMENTS, { outcome }, more)
  }
  if (health.last_check_at !== null && statistics.total_segments_analyzed > before.total_segments_analyzed) {
    metrics.observe(ANALYSIS_LAG, {}, ageSec(Date.parse(health.last_check_at), nowMs))
  }
  for (const event of events) countEvent(metrics, event, nowMs)
}

const SEGMENT_COUNTERS = [
  { counter: 'total_segments_analyzed', outcome: 'analyzed' },
  { counter: 'segments_failed', outcome: 'failed' },
  { counter: 'segments_skipped', outcome: 'skipped' },
] as const

function countEvent(metrics: Metrics, { event_type, data }: MonitorEvent, nowMs: number): void {
  metrics.count(DETECTIONS, { event_type })
  // Alerts of a run that has reached its threshold.
  if (!('threshold_sec' in data)) return
  const endMs = Date.parse(String(data['started_at'])) + Number(data['duration_sec']) * 1000
  if (Number.isFinite(endMs)) metrics.observe(ALARM_LAG, { event_type }, ageSec(endMs, nowMs))
}

/** Returns the age of a moment in seconds; 0 where the worker's clock is ahead. */
function ageSec(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1000
}
