import { formatTraceparent, type Trace } from '../../shared/trace.ts'
import { BrokenRule } from '../errors.ts'
import { answerOnce, type IdempotentCall, type StoredAnswer } from '../http/idempotency.ts'
import type { Tx } from '../ports/database.ts'
import type { JobsContext } from './context.ts'
import { JOB_ERRORS } from './errors.ts'
import { newJobId } from './ids.ts'
import { presentCreated } from './present.ts'
import { publishProgress } from './publish-progress.ts'
import type { CreateJobBody } from './requests.ts'
import { outputKeyOf } from './store-keys.ts'
import { countQueuedJobs, insertJob, lockJobCreation, type NewJob } from './store/jobs.ts'
import { insertTasks } from './store/tasks.ts'

/** When a client should try again that met a full queue; jobs take seconds to hours. */
const RETRY_AFTER_SEC = 30

/**
 * Enqueues a job. The job, its first task and the answer to its Idempotency-Key are committed together.
 * @throws BrokenRule QUEUE_FULL, IDEMPOTENCY_KEY_REUSED
 */
export async function createJob(
  context: JobsContext,
  body: CreateJobBody,
  call: IdempotentCall | null,
  trace: Trace,
): Promise<StoredAnswer> {
  const answer = await context.transact((tx) => answerOnce(tx, call, () => insertAndPublish(tx, context, body, trace)))
  context.wake()
  return answer
}

async function insertAndPublish(
  tx: Tx,
  { settings }: JobsContext,
  body: CreateJobBody,
  trace: Trace,
): Promise<StoredAnswer> {
  await lockJobCreation(tx)
  const { maxQueued } = settings.jobs
  if ((await countQueuedJobs(tx)) >= maxQueued) {
    throw new BrokenRule(JOB_ERRORS.QUEUE_FULL, `${maxQueued} jobs are waiting, which is the limit (MAX_QUEUED_JOBS)`, {
      retryAfterSec: RETRY_AFTER_SEC,
    })
  }
  const job = await insertJob(tx, { ...toRow(body), traceparent: formatTraceparent(trace) })
  const task = { id: job.id, jobId: job.id, task: 'encode', outputKey: outputKeyOf(job), dueInSec: 0 } as const
  await insertTasks(tx, [{ ...task, priority: job.priority }])
  await publishProgress(tx, [job])
  return { status: 202, body: JSON.stringify(presentCreated(job)) }
}

function toRow({ preset, output, ...body }: CreateJobBody): NewJob {
  return {
    id: newJobId(),
    inputUrl: body.input_url,
    presetName: preset.name,
    preset: preset.preset,
    storage: output.storage,
    path: output.path,
    outputType: output.type,
    callbackUrl: body.callback_url,
    priority: body.priority,
    timeoutSec: body.timeout_sec,
    chunks: body.chunks,
    clip: body.clip,
    thumbnails: body.thumbnails,
    metadata: output.metadata,
    message: 'waiting for a worker',
  }
}
