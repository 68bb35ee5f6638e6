import { enqueueWebhooks } from '../outbox/enqueue.ts'
import type { Tx } from '../ports/database.ts'
import { presentEnd } from './present.ts'
import { isFinal } from './status.ts'
import type { Job } from './store/jobs.ts'
import { insertProgressEvents, readCurrentProgress } from './store/progress-events.ts'

/**
 * Publishes the changes of jobs in the transaction that makes them: to their subscribers, and at a job's end as a
 * webhook where one is wanted. A receiver that cannot be reached does not affect its job.
 */
export async function publishProgress(tx: Tx, jobs: readonly Job[]): Promise<void> {
  await insertProgressEvents(
    tx,
    jobs.map(({ id }) => id),
  )
  for (const job of jobs) await enqueueEndWebhook(tx, job)
}

/** Enqueues the webhook of a job that has ended; nothing for an active job, or one without a receiver. */
export async function enqueueEndWebhook(tx: Tx, job: Job): Promise<void> {
  if (!isFinal(job.status) || job.callbackUrl === null) return
  const progress = await readCurrentProgress(tx, job.id)
  if (progress === null) throw new Error(`job ${job.id} has ended and does not exist`)
  const eventType = `job.${job.status}`
  const receiver = { url: job.callbackUrl, policy: 'patient', traceparent: job.traceparent } as const
  const bodyFor = (eventId: string) => ({
    event_id: eventId,
    event_type: eventType,
    job_id: job.id,
    input_url: job.inputUrl,
    preset: job.presetName,
    timestamp: job.updatedAt.toISOString(),
    data: presentEnd(progress.body),
    metadata: job.metadata,
  })
  await enqueueWebhooks(tx, job.id, receiver, [{ eventType, bodyFor }])
}
