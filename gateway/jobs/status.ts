import type { TaskState } from '../../shared/contract/jobs.ts'

/** `queued` → `processing` → `uploading` → one of the three final ones; an attempt that was lost goes back one step. */
export const JOB_STATUSES = ['queued', 'processing', 'uploading', 'completed', 'failed', 'canceled'] as const
export type JobStatus = (typeof JOB_STATUSES)[number]
export type FinalJobStatus = 'completed' | 'failed' | 'canceled'

/** Of one piece of work: `ended` whether it was done or not. */
export type TaskStatus = 'waiting' | 'running' | 'ended'

export function isFinal(status: JobStatus): status is FinalJobStatus {
  return status === 'completed' || status === 'failed' || status === 'canceled'
}

/** What can happen to a job. */
export type JobStatusEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'reported'; readonly state: Extract<TaskState, 'processing' | 'uploading'> }
  | { readonly kind: 'attempt_lost' }
  | { readonly kind: 'completed' | 'failed' | 'canceled' }

/** The status after an event; the same one where the event changes nothing. A final status stays. */
export function nextStatus(status: JobStatus, event: JobStatusEvent): JobStatus {
  if (isFinal(status)) return status
  switch (event.kind) {
    case 'started':
      return status === 'queued' ? 'processing' : status
    case 'reported':
      return event.state
    case 'attempt_lost':
      return status === 'uploading' ? 'processing' : status
    case 'completed':
    case 'failed':
    case 'canceled':
      return event.kind
  }
}
