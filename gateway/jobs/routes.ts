import { Hono, type Context as HonoContext } from 'hono'

import { JOB_ID } from '../../shared/ids.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { idempotentCall } from '../http/idempotency.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { answers, describe } from '../http/openapi.ts'
import { traceOf } from '../http/request-log.ts'
import { cancelJob } from './cancel-job.ts'
import { createJob } from './create-job.ts'
import { createFollowers } from './followers.ts'
import { getJob } from './get-job.ts'
import { listAllJobs } from './list-jobs.ts'
import { CreatedJob, JobList, presentJob, presentPresets, PresetList, PublicJob } from './present.ts'
import { codeOfCreation, createJobBody, ListJobsQuery } from './requests.ts'
import { streamJob } from './stream-job.ts'

const TAG = 'Jobs'

const DOCS = {
  create: describe(TAG, 'Encode a media file', {
    ...answers(202, CreatedJob, 'The job waits for a worker.'),
    errors: [
      ...(['INVALID_URL', 'FORBIDDEN_URL', 'UNKNOWN_PRESET', 'INVALID_OUTPUT', 'INVALID_CONFIG'] as const),
      ...(['IDEMPOTENCY_KEY_REUSED', 'QUEUE_FULL'] as const),
    ],
  }),
  list: describe(TAG, 'List jobs, newest first', {
    ...answers(200, JobList, 'A page of jobs.'),
    errors: ['INVALID_CONFIG'],
  }),
  get: describe(TAG, 'One job as it stands', { ...answers(200, PublicJob, 'The job.'), errors: ['JOB_NOT_FOUND'] }),
  stream: describe(TAG, 'Follow a job: server-sent events named progress, resumed by Last-Event-ID', {
    ...answers(200, null, 'text/event-stream; it ends after the last state. 204 to whoever has had that.'),
    errors: ['JOB_NOT_FOUND'],
  }),
  cancel: describe(TAG, 'Cancel a job for good', {
    ...answers(200, PublicJob, 'It has ended; repeated, the answer is the same.'),
    errors: ['JOB_NOT_FOUND'],
  }),
  presets: describe(TAG, 'What a job can make', { ...answers(200, PresetList, 'Every preset.'), errors: [] }),
} as const

/** The public API of jobs. */
export function jobRoutes(context: Context): Hono {
  const Body = createJobBody(context.settings)
  const presets = presentPresets(context.settings.jobs.presets)
  const followers = createFollowers(context)
  return new Hono()
    .post('/jobs', DOCS.create, requireJson, parse('json', Body, codeOfCreation), async (c) => {
      const call = await idempotentCall(c, 'POST /api/v1/jobs')
      const answer = await createJob(context, c.req.valid('json'), call, traceOf(c))
      return c.body(answer.body, answer.status, { 'Content-Type': 'application/json' })
    })
    .get('/jobs', DOCS.list, parse('query', ListJobsQuery), async (c) =>
      c.json(await listAllJobs(context, c.req.valid('query'))),
    )
    .get('/jobs/:id', DOCS.get, async (c) => c.json(await getJob(context, jobId(c))))
    .get('/jobs/:id/stream', DOCS.stream, (c) => streamJob(context, followers, c, jobId(c)))
    .delete('/jobs/:id', DOCS.cancel, async (c) => c.json(presentJob(await cancelJob(context, jobId(c)), null)))
    .get('/presets', DOCS.presets, (c) => c.json(presets))
}

/** What is no id at all names nothing, and never reaches a query. */
function jobId(c: HonoContext): string {
  const id = c.req.param('id') ?? ''
  if (!JOB_ID.test(id)) throw new BrokenRule('JOB_NOT_FOUND', 'there is no job of this id')
  return id
}
