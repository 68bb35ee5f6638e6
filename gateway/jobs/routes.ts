import { Hono, type Context as HonoContext } from 'hono'

import { JOB_ID } from './ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { readIdempotentCall } from '../http/idempotency.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { answers, describe } from '../http/openapi.ts'
import { traceOf } from '../http/request-log.ts'
import { cancelJob } from './cancel-job.ts'
import { createJob } from './create-job.ts'
import { getJob } from './get-job.ts'
import { listJobs } from './list-jobs.ts'
import { CreatedJob, JobList, presentJob, presentPresets, PresetList, PublicJob } from './present.ts'
import { createJobBody, creationErrorCode, ListJobsQuery } from './requests.ts'
import { createProgressSubscribers } from './progress-subscribers.ts'
import { streamJob } from './stream-job.ts'
import { JOB_ERRORS } from './errors.ts'
import type { JobsContext } from './context.ts'

const TAG = 'Jobs'

const DOCS = {
  create: describe(TAG, 'Encode a media file', {
    ...answers(202, CreatedJob, 'The job waits for a worker.'),
    errors: [
      KERNEL_ERRORS.INVALID_URL,
      JOB_ERRORS.FORBIDDEN_URL,
      JOB_ERRORS.UNKNOWN_PRESET,
      JOB_ERRORS.INVALID_OUTPUT,
      KERNEL_ERRORS.INVALID_CONFIG,
      KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED,
      JOB_ERRORS.QUEUE_FULL,
    ],
    isIdempotent: true,
  }),
  list: describe(TAG, 'List jobs, newest first', {
    ...answers(200, JobList, 'A page of jobs.'),
    errors: [KERNEL_ERRORS.INVALID_CONFIG],
  }),
  get: describe(TAG, 'One job as it stands', {
    ...answers(200, PublicJob, 'The job.'),
    errors: [JOB_ERRORS.JOB_NOT_FOUND],
  }),
  stream: describe(TAG, 'Follow a job: server-sent events named progress, resumed by Last-Event-ID', {
    ...answers(200, null, 'text/event-stream; it ends after the last state. 204 to whoever has had that.'),
    errors: [JOB_ERRORS.JOB_NOT_FOUND],
  }),
  cancel: describe(TAG, 'Cancel a job for good', {
    ...answers(200, PublicJob, 'It has ended; repeated, the answer is the same.'),
    errors: [JOB_ERRORS.JOB_NOT_FOUND],
  }),
  presets: describe(TAG, 'What a job can make', { ...answers(200, PresetList, 'Every preset.'), errors: [] }),
} as const

/** Returns the public API of jobs. */
export function jobRoutes(context: JobsContext): Hono {
  const Body = createJobBody(context.settings)
  const presets = presentPresets(context.settings.jobs.presets)
  const subscribers = createProgressSubscribers(context)
  return new Hono()
    .post('/jobs', DOCS.create, requireJson, parse('json', Body, creationErrorCode), async (c) => {
      const call = await readIdempotentCall(c, 'POST /api/v1/jobs')
      const answer = await createJob(context, c.req.valid('json'), call, traceOf(c))
      return c.body(answer.body, answer.status, { 'Content-Type': 'application/json' })
    })
    .get('/jobs', DOCS.list, parse('query', ListJobsQuery), async (c) =>
      c.json(await listJobs(context, c.req.valid('query'))),
    )
    .get('/jobs/:id', DOCS.get, async (c) => c.json(await getJob(context, jobId(c))))
    .get('/jobs/:id/stream', DOCS.stream, (c) => streamJob(context, subscribers, c, jobId(c)))
    .delete('/jobs/:id', DOCS.cancel, async (c) => c.json(presentJob(await cancelJob(context, jobId(c)), null)))
    .get('/presets', DOCS.presets, (c) => c.json(presets))
}

/**
 * Returns the job id of a path.
 * @throws BrokenRule JOB_NOT_FOUND where it is no id, so that it reaches no query
 */
function jobId(c: HonoContext): string {
  const id = c.req.param('id') ?? ''
  if (!JOB_ID.test(id)) throw new BrokenRule(JOB_ERRORS.JOB_NOT_FOUND, 'there is no job of this id')
  return id
}
