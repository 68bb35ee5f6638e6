import type { MonitorEvent } from '../../shared/contract/events.ts'
import type { MonitorReport, MonitorStatistics } from '../../shared/contract/monitors.ts'
import type { Metrics } from '../metrics/metrics.ts'

/**
 * Counts what a report tells that counted: only what is new since `before`, the counters that the monitor had. A worker
 * that could not resume begins at 0 again, which takes nothing back.
 */
export function countReport(metrics: Metrics, before: MonitorStatistics, report: MonitorReport, nowMs: number): void {
  const { statistics, health, events } = report
  metrics.count('tallylight_worker_reports_total', { outcome: 'counted' })
  for (const { counter, outcome } of SEGMENTS) {
    const more = statistics[counter] - before[counter]
    if (more > 0) metrics.count('tallylight_segments_total', { outcome }, more)
  }
  if (health.last_check_at !== null && statistics.total_segments_analyzed > before.total_segments_analyzed) {
    metrics.observe('tallylight_analysis_lag_seconds', {}, ageSec(Date.parse(health.last_check_at), nowMs))
  }
  for (const event of events) countEvent(metrics, event, nowMs)
}

const SEGMENTS = [
  { counter: 'total_segments_analyzed', outcome: 'analyzed' },
  { counter: 'segments_failed', outcome: 'failed' },
  { counter: 'segments_skipped', outcome: 'skipped' },
] as const

function countEvent(metrics: Metrics, { event_type, data }: MonitorEvent, nowMs: number): void {
  metrics.count('tallylight_detections_total', { event_type })
  if (event_type !== 'alert.blackout' && event_type !== 'alert.silence') return
  const endMs = Date.parse(String(data['started_at'])) + Number(data['duration_sec']) * 1000
  if (Number.isFinite(endMs)) metrics.observe('tallylight_alarm_lag_seconds', { event_type }, ageSec(endMs, nowMs))
}

/** Clocks differ: what comes from the future is as new as can be. */
function ageSec(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1000
}
