import * as v from 'valibot'

import { BroadcastOrder } from '../../shared/contract/live.ts'
import { readEnvironment } from '../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../kind.ts'
import { composeHttpUrl, peerHostOf } from '../platform/peer-host.ts'
import { LiveEnvironment } from './environment.ts'
import { openBroadcast } from './open-broadcast.ts'
import { createPushedTargets, type PushedTargets } from './push/push-targets.ts'
import type { SendLimits } from './push/send-queue.ts'
import { createPartBuffer, type PartBuffer } from './parts/part-buffer.ts'
import { servePartBuffer } from './parts/serve-parts.ts'
import { createBroadcastReporter } from './report.ts'
import { runBroadcast } from './run.ts'

/**
 * Prepares a worker that encodes one broadcast.
 * @throws EnvironmentError
 */
export function prepareLiveWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(LiveEnvironment, env)
  return {
    environment,
    assignmentPath: broadcastPath(environment),
    logFields: { stream_id: environment.BROADCAST_ID.replace(/^live-/, '') },
    run: (assignment) => encodeBroadcast(environment, assignment),
  }
}

function broadcastPath({ BROADCAST_ID }: LiveEnvironment): string {
  return `/internal/v1/broadcasts/${BROADCAST_ID}`
}

/** Encodes a broadcast, and serves its parts where its latency is low. */
async function encodeBroadcast(environment: LiveEnvironment, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  const order = v.parse(BroadcastOrder, assignment.claim.order)
  if (order.latency === 'normal') return encodeOrder(environment, assignment, { order, parts: null, partsUrl: null })
  const { PARTS_PORT: port, WORKER_TOKEN: token } = environment
  const host = peerHostOf(environment)
  const { gatewayClock, log } = assignment
  const parts = createPartBuffer()
  await using server = await servePartBuffer(parts, { host, port, token, gatewayClock, log })
  const partsUrl = composeHttpUrl(host, server.port)
  return await encodeOrder(environment, assignment, { order, parts, partsUrl })
}

type ServedOrder = {
  readonly order: BroadcastOrder
  readonly parts: PartBuffer | null
  readonly partsUrl: string | null
}

/** Bounds of what waits for a slow platform: some ten seconds of a strong source. */
const PUSH_LIMITS: SendLimits = { bytes: 16 * 1024 * 1024, spanMs: 10_000, unsentBytes: 256 * 1024 }

/** Interval at which a change of the health is noticed. */
const HEALTH_INTERVAL_MS = 1000

async function encodeOrder(
  environment: LiveEnvironment,
  assignment: ClaimedAssignment,
  { order, parts, partsUrl }: ServedOrder,
): Promise<WorkerOutcome> {
  const { claim, callGateway, lifetime, log } = assignment
  const path = `${broadcastPath(environment)}/status`
  let targets: PushedTargets | null = null
  const reporter = createBroadcastReporter({
    epoch: claim.epoch,
    partsUrl,
    source: order.source,
    unfinishedSources: order.unfinished_sources,
    send: (body, signal) => callGateway({ method: 'PUT', path, body }, signal),
    // An answer that comes before the targets are ready is followed by one with the same.
    onTargets: (orders) => targets?.apply(orders),
    log,
    signal: lifetime.killed,
  })
  const done = reporter.done.then((outcome) => {
    // The broadcast is another worker's now: this one stops at once.
    if (outcome.kind === 'refused') lifetime.kill()
    return outcome
  })
  await using opened = await openBroadcast({ environment, assignment, order, parts, reporter })
  const { broadcast } = opened
  await using pushed = createPushedTargets({
    source: reporter.source,
    means: { policy: assignment.policy, limits: PUSH_LIMITS },
    onChange: () => reporter.reportTargets(targets?.describe() ?? [], 'now'),
    fetcher: broadcast.fetcher,
    clock: assignment.clock,
    gatewayClock: assignment.gatewayClock,
    log,
  })
  targets = pushed
  const timer = setInterval(() => {
    reporter.reportHealth(broadcast.health.read())
    reporter.reportTargets(pushed.describe(), 'later')
  }, HEALTH_INTERVAL_MS)
  try {
    await runBroadcast(broadcast)
  } finally {
    clearInterval(timer)
  }
  reporter.close()
  const outcome = await done
  return outcome.kind === 'closed' ? { kind: 'finished' } : outcome
}
