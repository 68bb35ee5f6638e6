type Waiting<Item, Result> = {
  readonly item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Has what is asked for one by one done several at a time: what comes while `run` is at work waits, and goes together,
 * up to `most`. `run` gives a result for each of its items, in their order; where it fails, all of them have failed.
 */
export function inBatches<Item, Result>(
  most: number,
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = []
  let isAtWork = false

  async function runAll(): Promise<void> {
    isAtWork = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, most)
      await runBatch(run, batch)
      // Who was waiting for one may ask for the next at once: that goes along.
      await new Promise((resolve) => setImmediate(resolve))
    }
    isAtWork = false
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!isAtWork) void runAll()
    })
}

async function runBatch<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  try {
    const results = await run(batch.map(({ item }) => item))
    for (const [i, result] of results.entries()) batch[i]?.resolve(result)
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}
