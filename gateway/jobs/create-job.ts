import { newJobId } from '../../shared/ids.ts'
import { writeTraceparent, type Trace } from '../../shared/trace.ts'
import type { Context, Tx } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { answerOnce, type IdempotentCall, type KeptAnswer } from '../http/idempotency.ts'
import { presentCreated } from './present.ts'
import type { CreateJobBody } from './requests.ts'
import { countQueued, insertJob, lockCreation, type NewJob } from './store.ts'
import { outputKeyOf } from './store-keys.ts'
import { insertTasks } from './tasks/store.ts'
import { tell } from './tell.ts'

/** How soon to ask again where the queue is full: jobs take seconds to hours. */
const ASK_AGAIN_SEC = 30

/**
 * Takes a job into the queue: the job, its first task and the answer to its Idempotency-Key are committed together.
 * @throws BrokenRule QUEUE_FULL, IDEMPOTENCY_KEY_REUSED
 */
export async function createJob(
  context: Context,
  body: CreateJobBody,
  call: IdempotentCall | null,
  trace: Trace,
): Promise<KeptAnswer> {
  const answer = await context.transact((tx) => answerOnce(tx, call, () => create(tx, context, body, trace)))
  context.wake()
  return answer
}

async function create(tx: Tx, { settings }: Context, body: CreateJobBody, trace: Trace): Promise<KeptAnswer> {
  await lockCreation(tx)
  const { maxQueued } = settings.jobs
  if ((await countQueued(tx)) >= maxQueued) {
    throw new BrokenRule('QUEUE_FULL', `${maxQueued} jobs are waiting, which is the limit (MAX_QUEUED_JOBS)`, {
      retryAfterSec: ASK_AGAIN_SEC,
    })
  }
  const job = await insertJob(tx, { ...toRow(body), traceparent: writeTraceparent(trace) })
  const task = { id: job.id, jobId: job.id, task: 'encode', outputKey: outputKeyOf(job), dueInSec: 0 } as const
  await insertTasks(tx, [{ ...task, priority: job.priority }])
  await tell(tx, [job])
  return { status: 202, body: JSON.stringify(presentCreated(job)) }
}

function toRow({ preset, output, ...body }: CreateJobBody): NewJob {
  return {
    id: newJobId(),
    status: 'queued',
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
    lastSeq: 1,
  }
}
