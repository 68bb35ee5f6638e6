/** How many runs of a kind's workers may fail before an assignment is given up. */
export type AttemptRule = {
  readonly max: number
  /** A worker that has been reporting for a while is forgiven those before: only failures in a row count. */
  readonly forgivesStable: boolean
}

/** Pauses before the second, third … launch, in ms: the first is at once, since most deaths are accidents. */
const PAUSES_MS = [0, 1000, 2000, 4000]

export type AfterLoss = { readonly kind: 'relaunch'; readonly afterMs: number } | { readonly kind: 'give_up' }

/** What follows the loss of a worker that was the `attempts`-th launch that counts. */
export function afterLoss(attempts: number, { max }: AttemptRule): AfterLoss {
  if (attempts >= max) return { kind: 'give_up' }
  return { kind: 'relaunch', afterMs: PAUSES_MS[attempts - 1] ?? 0 }
}
