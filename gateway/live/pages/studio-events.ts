import * as v from 'valibot'

import { BroadcastHealth, PublisherFacts } from '../../../shared/contract/live.ts'
import { TargetState } from '../../../shared/contract/live-targets.ts'
import { ALERT_KINDS } from '../rules/fault-kind.ts'

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
  alerts: v.array(v.object({ kind: v.picklist(ALERT_KINDS), since: v.string() })),
})
export type HealthEvent = v.InferOutput<typeof HealthEvent>
