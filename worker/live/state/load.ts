/**
 * Whether the encoder keeps up. Where it falls behind, the highest encoded rung is left out. Where that is not enough, or
 * where the lag grows too fast for it, all are left out that can be: each attempt with fewer would let the lag grow
 * meanwhile. After a quiet time one rung is taken back.
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
/** How long a run with fewer rungs has before more are left out. */
const SECOND_PATIENCE_MS = 1500
/**
 * A lag that grows by this share of the time is too much for one step. The highest of 720p, 480p and 360p is 60 % of their
 * pixels: without it, and with the decoding, an encoder of 0.7 times real time hardly reaches real time.
 */
const FAR_BEHIND_SHARE = 0.3
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
  const isFirst = state.droppedRungs === 0
  if (elapsedMs < (isFirst ? PATIENCE_MS : SECOND_PATIENCE_MS)) return { ...state, late }
  const growth = (sample.lagMs - late.lagMs) / elapsedMs
  if (growth <= -CATCH_UP_SHARE || droppable === 0) return { ...state, late: sample }
  const isOneEnough = isFirst && growth < FAR_BEHIND_SHARE
  return { ...state, droppedRungs: isOneEnough ? 1 : state.droppedRungs + droppable, late: null }
}
