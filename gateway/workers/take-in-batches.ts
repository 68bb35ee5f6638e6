import type { Context } from '../context.ts'
import { microBatch } from '../database/micro-batch.ts'

export type BatchOptions<Item, Result> = {
  /** What the items are, for the log. */
  readonly what: string
  readonly maxItems: number
  /** Items with the same key are not in one batch: of two calls of one worker at most one counts. */
  readonly keyOf: (item: Item) => string
  /** Returns a result per item, in order; `null` for an item that must be taken alone. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | null)[]>
}

/**
 * Returns a function that takes single items and runs them in batches of one process, so that many workers cost few
 * statements. It returns `null` for an item that must be taken alone: where a batch fails, only one item may be at fault.
 * @throws the error of a database that is gone
 */
export function takeInBatches<Item, Result>(
  { log, isBrokenOff, isDatabaseGone }: Pick<Context, 'log' | 'isBrokenOff' | 'isDatabaseGone'>,
  { what, maxItems, keyOf, run }: BatchOptions<Item, Result>,
): (item: Item) => Promise<Result | null> {
  return microBatch(maxItems, async (batch: readonly Item[]) => {
    const distinct = new Map<string, Item>()
    for (const item of batch) if (!distinct.has(keyOf(item))) distinct.set(keyOf(item), item)
    const items = [...distinct.values()]
    const results = await run(items).catch((error: unknown) => {
      if (isBrokenOff(error)) return []
      if (isDatabaseGone(error)) throw error
      log.warn('batch of calls failed; each call is taken alone', { what, calls: items.length, error })
      return []
    })
    return batch.map((item) => results[items.indexOf(item)] ?? null)
  })
}
