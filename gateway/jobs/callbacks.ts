import { Hono } from 'hono'

import { ClaimRequest } from '../../shared/contract/assignment.ts'
import { JobReport } from '../../shared/contract/jobs.ts'
import type { Context } from '../context.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { callerOf, requireWorker } from '../http/signed-callback.ts'
import { claimTask } from './claim-task.ts'
import { createCompletions } from './completions.ts'
import { JOB_KIND } from './pod.ts'
import { recordReport } from './record-report.ts'

/** What the worker of a task calls: first the claim, which is answered with what it is to do, then its reports. */
export function callbackRoutes(context: Context): Hono {
  const signed = requireWorker(context.settings.keys.INTERNAL_API_KEY, JOB_KIND, { isWorkersOwn: true })
  const completions = createCompletions(context)
  return new Hono()
    .post('/jobs/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimTask(context, c.req.param('id'), { ...c.req.valid('json'), worker: callerOf(c) })),
    )
    .put('/jobs/:id/status', signed, requireJson, parse('json', JobReport), async (c) =>
      c.json(
        await recordReport(context, completions, c.req.param('id'), { ...c.req.valid('json'), worker: callerOf(c) }),
      ),
    )
}
