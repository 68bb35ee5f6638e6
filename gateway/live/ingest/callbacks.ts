import { Hono } from 'hono'

import { ClaimRequest } from '../../../shared/contract/assignment.ts'
import { IngestReport, PublishRequest } from '../../../shared/contract/live.ts'
import type { BodyLimit } from '../../http/body-limit.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { requireWorker } from '../../http/signed-callback.ts'
import type { LiveContext } from '../context.ts'
import { admitPublisher } from './admit-publisher.ts'
import { claimIngestWorker } from './claim-ingest-worker.ts'
import { INGEST_KIND } from './pod.ts'
import { recordIngestReport } from './record-ingest-report.ts'

/** The bodies of a full ingest worker, with 10,000 sessions: their ids, and all that is known of them in 1800 bytes each. */
export const INGEST_BODIES: readonly BodyLimit[] = [
  { call: /^POST \/internal\/v1\/ingest\/[^/]+\/publishers$/, bytes: 512 * 1024 },
  { call: /^PUT \/internal\/v1\/ingest\/[^/]+\/status$/, bytes: 18_000_000 },
]

/** Returns the callbacks of ingest workers: the claim, encoders that want to publish, and the reports. */
export function ingestCallbacks(context: LiveContext): Hono {
  const signed = requireWorker(context.settings, { kind: INGEST_KIND })
  return new Hono()
    .post('/ingest/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimIngestWorker(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .post('/ingest/:id/publishers', signed, requireJson, parse('json', PublishRequest), async (c) =>
      c.json(await admitPublisher(context, c.req.param('id'), c.req.valid('json'))),
    )
    .put('/ingest/:id/status', signed, requireJson, parse('json', IngestReport), async (c) =>
      c.json(await recordIngestReport(context, c.req.param('id'), c.req.valid('json'))),
    )
}
