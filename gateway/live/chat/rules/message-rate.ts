/** How often one user may write, by the generic cell rate algorithm: one message costs a second, up to five ahead. */

const COST_MS = 1000
const BURST = 5

/** How long a message has to wait, in ms; 0: it may be sent, and all is paid for at `paidUntilMs`. */
export type RateVerdict = { readonly waitMs: number; readonly paidUntilMs: number }

/** Returns whether a user may send a message now: one a second, with a burst of five. */
export function judgeRate(paidUntilMs: number, nowMs: number): RateVerdict {
  const next = Math.max(paidUntilMs, nowMs) + COST_MS
  const waitMs = Math.max(0, next - nowMs - BURST * COST_MS)
  return { waitMs, paidUntilMs: waitMs > 0 ? paidUntilMs : next }
}
