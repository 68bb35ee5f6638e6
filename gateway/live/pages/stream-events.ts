import * as v from 'valibot'

import { BroadcastHealth, PublisherFacts } from '../../../shared/contract/live.ts'
import { TargetState } from '../../../shared/contract/live-targets.ts'

/** Data of the event `state` of a broadcast, as far as its pages read it. */
export const StateEvent = v.object({
  state: v.picklist(['scheduled', 'ready', 'live', 'reconnecting', 'ended']),
  title: v.string(),
  started_at: v.nullable(v.string()),
  is_playable: v.boolean(),
})
export type StateEvent = v.InferOutput<typeof StateEvent>

/** Data of the event `viewers`. */
export const ViewersEvent = v.object({ viewer_count: v.number(), peak_viewers: v.number() })
export type ViewersEvent = v.InferOutput<typeof ViewersEvent>

/** Data of the event `unread`, which a signed-in viewer gets. */
export const UnreadEvent = v.object({ unread_count: v.number() })

/** Data of the event `targets`, which the owner of a broadcast gets. */
export const TargetsEvent = v.object({
  targets: v.array(
    v.object({
      target_id: v.string(),
      state: TargetState,
      problem: v.nullable(v.string()),
      reason: v.nullable(v.string()),
      bit_rate_kbps: v.number(),
    }),
  ),
})
export type TargetsEvent = v.InferOutput<typeof TargetsEvent>

/** Data of the event `health`, which the owner of a broadcast gets. */
export const HealthEvent = v.object({
  publisher: v.nullable(PublisherFacts),
  encoding: v.nullable(BroadcastHealth),
  alerts: v.array(v.object({ kind: v.picklist(['black', 'frozen', 'silent', 'stalled']), since: v.string() })),
})
export type HealthEvent = v.InferOutput<typeof HealthEvent>
