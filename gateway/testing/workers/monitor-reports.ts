import { INITIAL_STATISTICS, type MonitorReport } from '../../../shared/contract/monitors.ts'

type ReportedEvent = MonitorReport['events'][number]

/** Builds a report about a healthy live stream after `seq` analysed segments; `fields` replace its defaults. */
export function buildReport(epoch: number, seq: number, fields: Partial<MonitorReport> = {}): MonitorReport {
  return {
    epoch,
    seq,
    mode: 'monitoring',
    stream_status: 'live',
    title: null,
    health: { video: 'ok', audio: 'ok', last_check_at: new Date().toISOString() },
    statistics: { ...INITIAL_STATISTICS, total_segments_analyzed: seq },
    events: [],
    resume: { at: seq },
    ...fields,
  }
}

/** Builds an event with the current time. */
export function buildEvent(event_type: ReportedEvent['event_type'], data: ReportedEvent['data'] = {}): ReportedEvent {
  return { event_type, timestamp: new Date().toISOString(), data }
}
