import type { Tx } from '../context.ts'
import { enqueue } from '../outbox/enqueue.ts'
import { presentEnd, presentProgress } from './present.ts'
import { isFinal } from './status.ts'
import { insertUpdates, type Job } from './store.ts'

/**
 * Notes what became of jobs, in the transaction of the change: for those who follow them, and, at their end, as a webhook
 * to whoever asked for one. A receiver that cannot be reached changes nothing for its job.
 */
export async function tell(tx: Tx, jobs: readonly Job[]): Promise<void> {
  await insertUpdates(
    tx,
    jobs.map((job) => ({ jobId: job.id, seq: job.lastSeq, body: presentProgress(job) })),
  )
  for (const job of jobs) await tellReceiver(tx, job)
}

/** The webhook alone, for a job that has ended. */
export async function tellReceiver(tx: Tx, job: Job): Promise<void> {
  if (!isFinal(job.status) || job.callbackUrl === null) return
  const eventType = `job.${job.status}`
  const receiver = { url: job.callbackUrl, policy: 'patient', traceparent: job.traceparent } as const
  const bodyFor = (eventId: string) => ({
    event_id: eventId,
    event_type: eventType,
    job_id: job.id,
    input_url: job.inputUrl,
    preset: job.presetName,
    timestamp: job.updatedAt.toISOString(),
    data: presentEnd(job),
    metadata: job.metadata,
  })
  await enqueue(tx, job.id, receiver, [{ eventType, bodyFor }])
}
