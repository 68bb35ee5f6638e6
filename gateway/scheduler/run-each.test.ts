import { expect, test } from 'vitest'

import { runEach } from './run-each.ts'

/** Runs work for numbers, of which some fail. */
async function run(
  count: number,
  fails: (item: number) => boolean,
): Promise<{ readonly tried: readonly number[]; readonly error: unknown }> {
  const tried: number[] = []
  const items = Array.from({ length: count }, (_, i) => i)
  const work = runEach(items, async (item) => {
    tried.push(item)
    if (fails(item)) throw new Error(`item ${item}`)
  })
  return { error: await work.catch((error: unknown) => error), tried }
}

test('items that fail hold up no other one, and the first failure is thrown at the end', async () => {
  expect(await run(4, (item) => item % 2 === 1)).toEqual({ tried: [0, 1, 2, 3], error: new Error('item 1') })
})

test('where everything fails, the others are left to the next run', async () => {
  expect(await run(100, () => true)).toEqual({ tried: [0, 1, 2, 3, 4], error: new Error('item 0') })
})
