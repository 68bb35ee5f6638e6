import { Hono } from 'hono'

import { ClaimRequest } from '../../shared/contract/assignment.ts'
import { JobReport } from '../../shared/contract/jobs.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { requireWorker, workerNameOf } from '../http/signed-callback.ts'
import { claimTask } from './claim-task.ts'
import { createCompleteJob } from './complete-job.ts'
import type { JobsContext } from './context.ts'
import { JOB_KIND } from './job-worker.ts'
import { recordReport } from './record-report.ts'

/** Returns the callbacks of a task's worker: the claim, whose answer says what the task is, and the reports. */
export function callbackRoutes(context: JobsContext): Hono {
  const signed = requireWorker(context.settings, { kind: JOB_KIND, hasTokenPerWorker: true })
  const completeJob = createCompleteJob(context)
  return new Hono()
    .post('/jobs/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimTask(context, c.req.param('id'), { ...c.req.valid('json'), worker: workerNameOf(c) })),
    )
    .put('/jobs/:id/status', signed, requireJson, parse('json', JobReport), async (c) =>
      c.json(
        await recordReport(context, completeJob, c.req.param('id'), {
          ...c.req.valid('json'),
          worker: workerNameOf(c),
        }),
      ),
    )
}
