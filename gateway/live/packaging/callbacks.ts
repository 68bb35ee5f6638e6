import { Hono } from 'hono'

import { ClaimRequest, type Claim } from '../../../shared/contract/assignment.ts'
import { BroadcastReport, type BroadcastOrder } from '../../../shared/contract/live.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { BodyLimit } from '../../http/body-limit.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { requireWorker } from '../../http/signed-callback.ts'
import { claimAssignment } from '../../workers/claim-assignment.ts'
import { findStream, type Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { BROADCAST_KIND, streamIdOf } from '../broadcast-worker.ts'
import { recordBroadcastReport } from './record-broadcast-report.ts'

/** The report of a worker that was cut off: 50 segments, and 50 runs of ten rungs. */
export const BROADCAST_BODIES: readonly BodyLimit[] = [
  { call: /^PUT \/internal\/v1\/broadcasts\/[^/]+\/status$/, bytes: 512 * 1024 },
]

/** Returns the callbacks of live workers: the claim, then the reports. */
export function broadcastCallbacks(context: LiveContext): Hono {
  const signed = requireWorker(context.settings, { kind: BROADCAST_KIND })
  return new Hono()
    .post('/broadcasts/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimBroadcast(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/broadcasts/:id/status', signed, requireJson, parse('json', BroadcastReport), async (c) =>
      c.json(await recordBroadcastReport(context, c.req.param('id'), c.req.valid('json'))),
    )
}

async function claimBroadcast(context: LiveContext, id: string, claimant: string): Promise<Claim> {
  const claim = await claimAssignment(context, id, claimant)
  const found = await findStream(context.db, streamIdOf(id))
  if (found === null) throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'the broadcast was deleted')
  return { ...claim, order: orderOf(found.stream, context) }
}

function orderOf(stream: Stream, { settings }: LiveContext): BroadcastOrder {
  const { knownSession, knownUntilMs } = stream
  return {
    stream_id: stream.streamId,
    latency: stream.latency,
    ladder: [...settings.live.ladder],
    folder: stream.folder,
    source: stream.publisherSource,
    unfinished_sources: [...stream.unfinishedSources],
    known_until: knownSession === null || knownUntilMs === null ? null : { session: knownSession, ms: knownUntilMs },
  }
}
