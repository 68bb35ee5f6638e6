import { NO_STATISTICS, type MonitorReport } from '../../shared/contract/monitors.ts'

type ReportedEvent = MonitorReport['events'][number]

/** What a worker says of a healthy live stream of which it has analysed `seq` segments, or `more` than that. */
export function reportOf(epoch: number, seq: number, more: Partial<MonitorReport> = {}): MonitorReport {
  return {
    epoch,
    seq,
    mode: 'monitoring',
    stream_status: 'live',
    title: null,
    health: { video: 'ok', audio: 'ok', last_check_at: new Date().toISOString() },
    statistics: { ...NO_STATISTICS, total_segments_analyzed: seq },
    events: [],
    resume: { at: seq },
    ...more,
  }
}

/** An event that happens now. */
export function eventOf(event_type: ReportedEvent['event_type'], data: ReportedEvent['data'] = {}): ReportedEvent {
  return { event_type, timestamp: new Date().toISOString(), data }
}
