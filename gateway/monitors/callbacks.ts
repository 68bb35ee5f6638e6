import { Hono } from 'hono'

import { ClaimRequest } from '../../shared/contract/assignment.ts'
import { MonitorReport } from '../../shared/contract/monitors.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { requireWorker } from '../http/signed-callback.ts'
import { claimAssignment } from '../workers/claim-assignment.ts'
import { MONITOR_KIND } from './pod.ts'
import { createRecordReport } from './record-report.ts'
import type { MonitorsContext } from './context.ts'

/** Returns the callbacks of monitors' workers: the claim, then the reports. */
export function callbackRoutes(context: MonitorsContext): Hono {
  const recordReport = createRecordReport(context)
  const signed = requireWorker(context.settings, { kind: MONITOR_KIND })
  return new Hono()
    .post('/monitors/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimAssignment(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/monitors/:id/status', signed, requireJson, parse('json', MonitorReport), async (c) =>
      c.json(await recordReport(c.req.param('id'), c.req.valid('json'))),
    )
}
