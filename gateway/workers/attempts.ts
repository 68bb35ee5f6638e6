/** How many runs of a worker may fail before its assignment is given up. */
export type AttemptRule = {
  readonly max: number
  /** A worker that has reported for this long resets the count: only failures in a row count. `null`: all count. */
  readonly stableAfterSec: number | null
}

/** Pauses before the second, third … launch, in ms. The first relaunch is at once, since most losses are accidents. */
const PAUSES_MS = [0, 1000, 2000, 4000]
const LONGEST_PAUSE_MS = 5000

export type AfterLoss = { readonly kind: 'relaunch'; readonly afterMs: number } | { readonly kind: 'give_up' }

/** Returns what follows the loss of a worker after `attempts` counted attempts; 0 of one that has reset the count. */
export function afterLoss(attempts: number, { max }: AttemptRule): AfterLoss {
  if (attempts >= max) return { kind: 'give_up' }
  return { kind: 'relaunch', afterMs: PAUSES_MS[Math.max(0, attempts - 1)] ?? LONGEST_PAUSE_MS }
}
