/**
 * Does the same with many, so many at a time, in their order. The first failure, or the signal, stops all: the signal of
 * those under way aborts, and once every one of them has ended, the failure is thrown. Gives what came of each.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<readonly Result[]> {
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const queue = items.entries()
  const results: Result[] = []
  const lane = async () => {
    // One for each: Node takes many listeners on the same signal for a leak.
    const own = AbortSignal.any([stop])
    for (const [index, item] of queue) {
      if (own.aborted) return
      results[index] = await work(item, own)
    }
  }
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    lane().catch((error: unknown) => failed.abort(error)),
  )
  await Promise.all(lanes)
  stop.throwIfAborted()
  return results
}
