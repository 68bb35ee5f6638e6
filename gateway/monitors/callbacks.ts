import { Hono } from 'hono'

import { ClaimRequest } from '../../shared/contract/assignment.ts'
import { MonitorReport } from '../../shared/contract/monitors.ts'
import type { Context } from '../context.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { requireWorker } from '../http/signed-callback.ts'
import { claimAssignment } from '../workers/claim-assignment.ts'
import { MONITOR_KIND } from './pod.ts'
import { createRecordReport } from './record-report.ts'

/** What a monitor's worker calls: first the claim, then its reports. */
export function callbackRoutes(context: Context): Hono {
  const recordReport = createRecordReport(context)
  const signed = requireWorker(context.settings.keys.INTERNAL_API_KEY, MONITOR_KIND)
  return new Hono()
    .post('/monitors/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimAssignment(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/monitors/:id/status', signed, requireJson, parse('json', MonitorReport), async (c) =>
      c.json(await recordReport(c.req.param('id'), c.req.valid('json'))),
    )
}
