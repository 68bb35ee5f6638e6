import type { CallNumber } from '../../shared/contract/assignment.ts'
import type { MonitorEvent, MonitorReport, StreamStatus } from '../../shared/contract/monitors.ts'
import type { MonitorState } from './state/monitor-state.ts'

/** Composes a report of the monitor to the gateway. `resume` is the state itself. */
export function composeReport(number: CallNumber, state: MonitorState, events: readonly MonitorEvent[]): MonitorReport {
  return {
    ...number,
    mode: state.phase.kind,
    stream_status: STREAM_STATUS[state.phase.kind],
    title: state.title,
    health: state.health,
    statistics: state.statistics,
    events: [...events],
    resume: state,
  }
}

const STREAM_STATUS: Readonly<Record<MonitorState['phase']['kind'], StreamStatus>> = {
  initializing: 'unknown',
  waiting: 'scheduled',
  monitoring: 'live',
  completed: 'ended',
  error: 'unknown',
}
