type PendingItem<Item, Result> = {
  readonly item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Returns a function that takes single items and runs them in batches: items that arrive while `run` is busy wait, and
 * go together in the next batch, at most `maxItems`. `run` returns a result per item, in order; its error is every
 * item's.
 */
export function microBatch<Item, Result>(
  maxItems: number,
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  const pending: PendingItem<Item, Result>[] = []
  let isRunning = false

  async function runPending(): Promise<void> {
    isRunning = true
    while (pending.length > 0) {
      const batch = pending.splice(0, maxItems)
      await runBatch(run, batch)
      // Callers that have just received a result may send their next item: it joins the next batch.
      await new Promise((resolve) => setImmediate(resolve))
    }
    isRunning = false
  }

  return (item) =>
    new Promise((resolve, reject) => {
      pending.push({ item, resolve, reject })
      if (!isRunning) void runPending()
    })
}

async function runBatch<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  batch: readonly PendingItem<Item, Result>[],
): Promise<void> {
  try {
    const results = await run(batch.map(({ item }) => item))
    for (const [i, result] of results.entries()) batch[i]?.resolve(result)
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}
