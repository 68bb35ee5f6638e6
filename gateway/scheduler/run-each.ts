/** Failures after which the fault is hardly that of an item: the database is gone. */
const MAX_FAILURES = 5

/**
 * Runs work for each item, one after the other, also after some that fail: they must not hold up the others.
 * @throws the first failure, once all items were tried, or too many have failed
 */
export async function runEach<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = []
  for (const item of items) {
    await run(item).catch((error: unknown) => failures.push(error))
    if (failures.length === MAX_FAILURES) break
  }
  if (failures.length > 0) throw failures[0]
}
