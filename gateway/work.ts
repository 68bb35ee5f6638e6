import type { Asked } from './asked.ts'

/** A piece of periodic work: safe to run anywhere, at any time, and by several gateways at once. */
export type Work = {
  readonly name: string
  /** Not more often than this; 0: in every round, so also whenever somebody has asked for one. */
  readonly everyMs: number
  /** Gives in how many ms there will be something to do; `null` where that is not known. */
  readonly run: (asked: Asked) => Promise<number | null>
}

/** What nobody waits for. */
export const RARELY_MS = 600_000

/** What is seen to every now and then. */
export const OFTEN_MS = 2000

/** For work that does not know when there will be more. */
export async function quietly(work: Promise<void>): Promise<null> {
  await work
  return null
}
