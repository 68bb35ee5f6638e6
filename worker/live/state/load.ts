/**
 * Whether the encoder keeps up. Where it falls behind, the highest encoded rung is left out, and where that is not enough,
 * all that can be: each attempt with fewer would let the lag grow meanwhile. After a quiet time one rung is taken back.
 * Pure: times are in ms, on any clock.
 */

/** What is remembered of the lag. */
export type LoadState = {
  /** Encoded rungs that are left out, from the highest on. */
  readonly droppedRungs: number
  /** Since when the lag is too long, and what it was then; `null`: it is not. */
  readonly late: LagSample | null
  /** Since when the lag is short; `null`: it is not. */
  readonly quietSinceMs: number | null
}

export type LagSample = { readonly atMs: number; readonly lagMs: number }

export const INITIAL_LOAD: LoadState = { droppedRungs: 0, late: null, quietSinceMs: null }

const LATE_MS = 4000
const QUIET_MS = 2000
/** How long the lag must be too long before a rung is left out. */
const PATIENCE_MS = 3000
/** How long the lag must be short before a rung is taken back. */
const RECOVERY_MS = 300_000
/** An encoder that catches up by this share of the time needs no help: after a restart it has a backlog. */
const CATCH_UP_SHARE = 0.3

/** Returns the state after a measurement of the lag. `droppable`: how many more rungs can be left out. */
export function afterLag(state: LoadState, sample: LagSample, droppable: number): LoadState {
  const quietSinceMs = sample.lagMs <= QUIET_MS ? (state.quietSinceMs ?? sample.atMs) : null
  if (sample.lagMs > LATE_MS) return afterLateFrame({ ...state, quietSinceMs }, sample, droppable)
  const isRecovered = quietSinceMs !== null && sample.atMs - quietSinceMs >= RECOVERY_MS
  if (isRecovered && state.droppedRungs > 0)
    return { droppedRungs: state.droppedRungs - 1, late: null, quietSinceMs: null }
  return { ...state, late: null, quietSinceMs }
}

function afterLateFrame(state: LoadState, sample: LagSample, droppable: number): LoadState {
  const late = state.late ?? sample
  const elapsedMs = sample.atMs - late.atMs
  if (elapsedMs < PATIENCE_MS) return { ...state, late }
  const catchesUp = late.lagMs - sample.lagMs >= CATCH_UP_SHARE * elapsedMs
  if (catchesUp || droppable === 0) return { ...state, late: sample }
  return { ...state, droppedRungs: state.droppedRungs === 0 ? 1 : state.droppedRungs + droppable, late: null }
}
