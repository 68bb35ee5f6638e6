import { WorkerMode } from '../../shared/contract/monitors.ts'

/** `scheduled` -> `initializing` -> `waiting` -> `monitoring` -> one of the three final statuses. */
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

/** An active monitor holds its stream, which can have no second monitor, and counts against MAX_MONITORS. */
export type ActiveStatus = 'scheduled' | 'initializing' | 'waiting' | 'monitoring'
export type FinalStatus = Exclude<MonitorStatus, ActiveStatus>

/** Returns whether a status is final. */
export function isFinal(status: MonitorStatus): status is FinalStatus {
  return status === 'completed' || status === 'stopped' || status === 'error'
}

/** What can change the status of a monitor. */
export type MonitorStatusEvent =
  | { readonly kind: 'reported'; readonly mode: WorkerMode }
  | { readonly kind: 'start_time_near' | 'deleted' | 'end_time_passed' | 'worker_lost' | 'webhook_failed' }

/** Every event, for what is derived from the status function. */
export const MONITOR_STATUS_EVENTS: readonly MonitorStatusEvent[] = [
  { kind: 'start_time_near' },
  ...WorkerMode.options.map((mode) => ({ kind: 'reported', mode }) as const),
  { kind: 'deleted' },
  { kind: 'end_time_passed' },
  { kind: 'worker_lost' },
  { kind: 'webhook_failed' },
]

/**
 * Returns the status after an event; the same one where the event changes nothing. A final status stays. A worker that was
 * relaunched does not take a monitor back to `initializing`, since it resumes where the one before was.
 */
export function nextStatus(status: MonitorStatus, event: MonitorStatusEvent): MonitorStatus {
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

/** A change of status: `from` are the statuses that it applies to. */
export type StatusTransition = { readonly from: readonly MonitorStatus[]; readonly to: MonitorStatus | null }

/** Returns the change that an event makes: every statement that changes a status takes it from here. */
export function transitionOf(event: MonitorStatusEvent): StatusTransition {
  const from = MONITOR_STATUSES.filter((status) => nextStatus(status, event) !== status)
  const [first] = from
  return { from, to: first === undefined ? null : nextStatus(first, event) }
}
