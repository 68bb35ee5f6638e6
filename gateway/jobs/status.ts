/** The statuses of a job, in the order in which it passes through them; the last three are final. */
export const JOB_STATUSES = ['queued', 'processing', 'uploading', 'completed', 'failed', 'canceled'] as const
export type JobStatus = (typeof JOB_STATUSES)[number]
export type FinalJobStatus = 'completed' | 'failed' | 'canceled'

/** The status of a task; `ended` says nothing of its success. */
export type TaskStatus = 'waiting' | 'running' | 'ended'

/** Returns whether a job of this status has ended. */
export function isFinal(status: JobStatus): status is FinalJobStatus {
  return status === 'completed' || status === 'failed' || status === 'canceled'
}

/** The status of a job that is created. */
export const INITIAL_JOB_STATUS: JobStatus = 'queued'

/** The events that a job's status depends on. `started`: its first task is given to a worker. */
export const JOB_STATUS_EVENTS = [
  'started',
  'processing_reported',
  'uploading_reported',
  'attempt_failed',
  'completed',
  'failed',
  'canceled',
] as const
export type JobStatusEvent = (typeof JOB_STATUS_EVENTS)[number]

/** The statuses in which an event may happen, and the status after it. */
export type JobTransition = { readonly from: readonly JobStatus[]; readonly to: JobStatus }

const RUNNING = ['processing', 'uploading'] as const
const ACTIVE = ['queued', ...RUNNING] as const

const TRANSITIONS: Readonly<Record<JobStatusEvent, JobTransition>> = {
  started: { from: ['queued'], to: 'processing' },
  processing_reported: { from: RUNNING, to: 'processing' },
  uploading_reported: { from: RUNNING, to: 'uploading' },
  attempt_failed: { from: RUNNING, to: 'processing' },
  completed: { from: RUNNING, to: 'completed' },
  failed: { from: ACTIVE, to: 'failed' },
  canceled: { from: ACTIVE, to: 'canceled' },
}

/** Returns the status after an event; `null`: the event cannot happen in this status, and changes nothing. */
export function nextStatus(status: JobStatus, event: JobStatusEvent): JobStatus | null {
  const { from, to } = TRANSITIONS[event]
  return from.includes(status) ? to : null
}

/** Returns the transition of an event, for queries that change the status of jobs. */
export function transitionOf(event: JobStatusEvent): JobTransition {
  return TRANSITIONS[event]
}
