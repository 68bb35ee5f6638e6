import type { Tx } from '../context.ts'
import { enqueue } from '../outbox/enqueue.ts'
import { isFinal } from './status.ts'
import { insertUpdates, type Job } from './store.ts'

/** What followers of a job are told. */
export type ProgressEvent = Readonly<Record<string, unknown>> & {
  readonly job_id: string
  readonly status: Job['status']
  readonly progress: number
}

/** A job as an event of its progress, as its followers get it; the last one says what came of it. */
export function progressEvent(job: Job): ProgressEvent {
  return {
    job_id: job.id,
    status: job.status,
    progress: job.progress,
    message: job.message,
    timestamp: job.updatedAt.toISOString(),
    ...(job.fps === null ? {} : { fps: job.fps }),
    ...(job.speed === null ? {} : { speed: job.speed }),
    ...(job.etaSec === null ? {} : { eta_sec: job.etaSec }),
    ...endOf(job),
  }
}

/** What came of a job that has ended. */
function endOf(job: Job): Record<string, unknown> {
  if (job.status === 'completed') return { ...job.output, media_info: job.mediaInfo }
  if (job.status === 'failed') return { error: { code: job.errorCode, message: job.errorMessage } }
  return {}
}

/**
 * Notes what became of jobs, in the transaction of the change: for those who follow them, and, at their end, as a webhook
 * to whoever asked for one. A receiver that cannot be reached changes nothing for its job.
 */
export async function tell(tx: Tx, jobs: readonly Job[]): Promise<void> {
  await insertUpdates(
    tx,
    jobs.map((job) => ({ jobId: job.id, seq: job.lastSeq, body: progressEvent(job) })),
  )
  for (const job of jobs) await tellReceiver(tx, job)
}

async function tellReceiver(tx: Tx, job: Job): Promise<void> {
  if (!isFinal(job.status) || job.callbackUrl === null) return
  const eventType = `job.${job.status}`
  const receiver = { url: job.callbackUrl, policy: 'durable', traceparent: job.traceparent } as const
  const bodyFor = (eventId: string) => ({
    event_id: eventId,
    event_type: eventType,
    job_id: job.id,
    input_url: job.inputUrl,
    preset: job.presetName,
    timestamp: job.updatedAt.toISOString(),
    data: endOf(job),
    metadata: job.metadata,
  })
  await enqueue(tx, job.id, receiver, [{ eventType, bodyFor }])
}
