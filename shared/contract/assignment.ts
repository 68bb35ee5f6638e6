/**
 * The agreement of the gateway with every kind of worker: how an assignment is claimed, how calls are numbered, and how
 * the gateway refuses. A worker may be older than its gateway: messages gain fields, and a field never changes its
 * meaning.
 */

import * as v from 'valibot'

/** A worker's callbacks are its heartbeat. It calls at least this often. */
export const HEARTBEAT_INTERVAL_MS = 10_000

/** An assignment's worker counts as lost after this long without a call, by the database's clock. */
export const LEASE_SEC = 30

/** A worker's first call. A claim that arrives again from the same claimant counts once. */
export const ClaimRequest = v.object({
  /** A UUID that the worker process generates at its start. */
  claimant: v.pipe(v.string(), v.uuid()),
})
export type ClaimRequest = v.InferOutput<typeof ClaimRequest>

/** Which addresses a worker may reach, by the settings of the gateway that answers. */
export const WorkerPolicy = v.object({ allow_private_networks: v.boolean(), allow_any_site: v.boolean() })
export type WorkerPolicy = v.InferOutput<typeof WorkerPolicy>

/**
 * The header of each accepted answer that carries the current WorkerPolicy as JSON. A worker follows the newest, so that it
 * does not keep what a gateway of earlier settings answered to its claim.
 */
export const POLICY_HEADER = 'x-worker-policy'

/** The response to a claim. */
export const Claim = v.object({
  /** The worker's further calls carry this epoch; the next claim invalidates it. */
  epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The state that the last acknowledged report left to resume from; `null` at the first claim. */
  resume: v.nullable(v.unknown()),
  policy: WorkerPolicy,
  /** The task, in the format of the worker's kind. Absent for kinds that read their task from the environment. */
  order: v.optional(v.unknown()),
})
export type Claim = v.InferOutput<typeof Claim>

const Ordinal = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647))

/** The numbers that order a worker's calls: a stale epoch is refused, and a sequence number counts once. */
export const CallNumber = v.object({ epoch: Ordinal, seq: Ordinal })
export type CallNumber = v.InferOutput<typeof CallNumber>

/** The response to an accepted call; `duplicate`: this call or a later one was counted before. */
export const CallAccepted = v.object({ duplicate: v.boolean() })
export type CallAccepted = v.InferOutput<typeof CallAccepted>

/** The response to a refused call, on every route. `details` of CLOCK_SKEW hold `server_time` in unix seconds. */
export const Refusal = v.object({
  error: v.object({ code: v.string(), message: v.string(), details: v.optional(v.unknown()) }),
})
export type Refusal = v.InferOutput<typeof Refusal>
