/** The part of the agreement of live that concerns the push of a broadcast to other platforms. */

import * as v from 'valibot'

import { shortText, uuid } from './live-fields.ts'

const secretText = v.pipe(v.string(), v.maxLength(2000))

/** Most other platforms that a broadcast is pushed to. */
export const MAX_TARGETS = 5

/**
 * How the push of a broadcast to another platform goes. `waiting`: no encoder publishes. `retrying`: the connection failed.
 * `failed`: the platform refuses, or may not be reached; its owner has to act. Both are tried again while it is live.
 */
export const TargetState = v.picklist(['waiting', 'connecting', 'live', 'retrying', 'failed'])
export type TargetState = v.InferOutput<typeof TargetState>

/** What a live worker reports of a target. */
export const TargetReport = v.object({
  target_id: uuid,
  state: TargetState,
  /** A code of what is wrong, such as `key_refused`, and the same in words; `null`: nothing is. */
  problem: v.nullable(shortText),
  reason: v.nullable(shortText),
  /** Bytes of the current connection, or of the last one. */
  bytes_sent: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** Mean of the last five seconds. */
  bit_rate_kbps: v.pipe(v.number(), v.minValue(0), v.maxValue(1e9)),
})
export type TargetReport = v.InferOutput<typeof TargetReport>

/** A target that a live worker pushes its broadcast to. */
export const TargetOrder = v.object({
  target_id: uuid,
  /** Where to push. `null` where the report named the target: its worker knows. */
  push: v.nullable(
    v.object({
      url: secretText,
      /** The stream key of the other platform. `null`: the gateway cannot read it any more. */
      key: v.nullable(secretText),
    }),
  ),
})
export type TargetOrder = v.InferOutput<typeof TargetOrder>
