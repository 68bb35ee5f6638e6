import type { WorkerMode } from '../../shared/contract/monitors.ts'

/** `scheduled` → `initializing` → `waiting` → `monitoring` → one of the three final ones. */
export const MONITOR_STATUSES = [
  'scheduled',
  'initializing',
  'waiting',
  'monitoring',
  'completed',
  'stopped',
  'error',
] as const
export type MonitorStatus = (typeof MONITOR_STATUSES)[number]

/** The statuses that hold a monitor's place: its stream has no second monitor, and it counts against MAX_MONITORS. */
export type ActiveStatus = 'scheduled' | 'initializing' | 'waiting' | 'monitoring'
export type FinalStatus = Exclude<MonitorStatus, ActiveStatus>

export function isFinal(status: MonitorStatus): status is FinalStatus {
  return status === 'completed' || status === 'stopped' || status === 'error'
}

/** What can happen to a monitor. */
export type StatusEvent =
  | { readonly kind: 'start_time_near' }
  | { readonly kind: 'reported'; readonly mode: WorkerMode }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'end_time_passed' }
  | { readonly kind: 'worker_lost' }
  | { readonly kind: 'webhook_failed' }

/**
 * The status after an event; the same one where the event changes nothing. A final status stays, and a worker that was
 * started again does not take a monitor back to `initializing`, since it resumes where the one before was.
 */
export function nextStatus(status: MonitorStatus, event: StatusEvent): MonitorStatus {
  if (isFinal(status)) return status
  switch (event.kind) {
    case 'start_time_near':
      return status === 'scheduled' ? 'initializing' : status
    case 'reported':
      return isStepBack(status, event.mode) ? status : event.mode
    case 'deleted':
      return 'stopped'
    case 'end_time_passed':
      return status === 'monitoring' ? status : 'stopped'
    case 'worker_lost':
    case 'webhook_failed':
      return 'error'
  }
}

function isStepBack(status: ActiveStatus, mode: WorkerMode): boolean {
  return mode === 'initializing' || (mode === 'waiting' && status === 'monitoring')
}
