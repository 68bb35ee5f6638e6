/** Runs in a row that may fail before an assignment is given up. */
export const MAX_ATTEMPTS = 5

/** Pauses before the second, third … launch, in ms: the first is at once, since most deaths are accidents. */
const PAUSES_MS = [0, 1000, 2000, 4000]

export type AfterLoss = { readonly kind: 'relaunch'; readonly afterMs: number } | { readonly kind: 'give_up' }

/** What follows the loss of a worker that was the `attempts`-th launch since the last stable one. */
export function afterLoss(attempts: number): AfterLoss {
  if (attempts >= MAX_ATTEMPTS) return { kind: 'give_up' }
  return { kind: 'relaunch', afterMs: PAUSES_MS[attempts - 1] ?? 0 }
}
