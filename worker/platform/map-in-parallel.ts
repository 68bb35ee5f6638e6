/**
 * Runs `work` on every item, in order and with at most `limit` running, and returns the results. The first failure or
 * the signal stops everything: the signal of running work aborts, and no further work starts.
 * @throws the first failure or the signal's reason, after all running work has ended
 */
export async function mapInParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<readonly Result[]> {
  const failure = new AbortController()
  const stop = AbortSignal.any([signal, failure.signal])
  const queue = items.entries()
  const results: Result[] = []
  const runLane = async () => {
    // One signal per lane: Node reports many listeners on one signal as a leak.
    const laneSignal = AbortSignal.any([stop])
    for (const [index, item] of queue) {
      if (laneSignal.aborted) return
      results[index] = await work(item, laneSignal)
    }
  }
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    runLane().catch((error: unknown) => failure.abort(error)),
  )
  await Promise.all(lanes)
  stop.throwIfAborted()
  return results
}
