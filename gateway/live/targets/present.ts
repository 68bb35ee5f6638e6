import * as v from 'valibot'

import { TargetState } from '../../../shared/contract/live-targets.ts'
import type { Stream } from '../store/streams.ts'
import type { StreamTarget } from '../store/targets.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A target as the owner of its broadcast sees it. Its key is in no answer. */
export const TargetView = v.object({
  target_id: v.string(),
  url: v.string(),
  state: TargetState,
  /** Since when it is in this state. */
  since: Moment,
  /** A code of what is wrong, such as `key_refused`, and the same in words; `null`: nothing is. */
  problem: v.nullable(v.string()),
  reason: v.nullable(v.string()),
  /** Bytes of the current connection, or of the last one. */
  bytes_sent: v.number(),
  /** Mean of the last five seconds. */
  bit_rate_kbps: v.number(),
  created_at: Moment,
})
export type TargetView = v.InferOutput<typeof TargetView>

/** Answer to `GET /streams/{id}/targets`, and data of the event `targets`. */
export const TargetList = v.object({ targets: v.array(TargetView) })
export type TargetList = v.InferOutput<typeof TargetList>

/** Returns a target as the owner sees it. It waits while no encoder publishes, whatever was reported before. */
export function presentTarget(
  target: StreamTarget,
  { publisherSession }: Pick<Stream, 'publisherSession'>,
): TargetView {
  const isIdle = publisherSession === null
  const { state, problem, reason, bitRateKbps } = isIdle ? IDLE : target
  return {
    target_id: target.targetId,
    url: target.url,
    state,
    since: target.stateSince.toISOString(),
    problem,
    reason,
    bytes_sent: target.bytesSent,
    bit_rate_kbps: bitRateKbps,
    created_at: target.createdAt.toISOString(),
  }
}

const IDLE = { state: 'waiting', problem: null, reason: null, bitRateKbps: 0 } as const
