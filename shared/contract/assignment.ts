import * as v from 'valibot'

/**
 * What every kind of worker and the gateway agree on: how an assignment is claimed, how calls are numbered, and how the
 * gateway refuses. A worker may be older than its gateway: messages grow, their fields never change.
 */

/** A worker's callbacks are its heartbeat: it calls at least this often. */
export const HEARTBEAT_INTERVAL_MS = 10_000

/** Without a call for this long, by the database's clock, an assignment's worker counts as lost. */
export const LEASE_SEC = 30

/** A worker's first call. The same claimant's claim counts once, however often it arrives. */
export const ClaimRequest = v.object({
  /** A name that the process makes up for itself: a UUID. */
  claimant: v.pipe(v.string(), v.uuid()),
})
export type ClaimRequest = v.InferOutput<typeof ClaimRequest>

/** Answer to a worker's first call: from now on its calls carry this epoch; a newer one makes them void. */
export const Claim = v.object({
  epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** What the kind's last acknowledged report left to resume from; `null` at the first claim. */
  resume: v.nullable(v.unknown()),
  policy: v.object({ allow_private_networks: v.boolean(), allow_any_site: v.boolean() }),
  /** What is to be done, in the words of the kind; kinds that tell it by the environment have none. */
  order: v.optional(v.unknown()),
})
export type Claim = v.InferOutput<typeof Claim>

/** The numbers that order a worker's calls: a stale epoch is refused, a sequence number counts once. */
const Ordinal = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647))
export const CallNumber = v.object({ epoch: Ordinal, seq: Ordinal })
export type CallNumber = v.InferOutput<typeof CallNumber>

/** Answer to an accepted call; `duplicate` says that this or a later one had been counted before. */
export const CallAccepted = v.object({ duplicate: v.boolean() })
export type CallAccepted = v.InferOutput<typeof CallAccepted>

/** How the gateway refuses, on every route; `server_time` (unix seconds) comes with CLOCK_SKEW. */
export const Refusal = v.object({
  error: v.object({ code: v.string(), message: v.string(), details: v.optional(v.unknown()) }),
})
export type Refusal = v.InferOutput<typeof Refusal>
