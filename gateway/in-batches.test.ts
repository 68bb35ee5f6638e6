import { expect, it } from 'vitest'

import { inBatches } from './in-batches.ts'

/** Work that ends when the test says so, and what was asked of it. */
function heldWork() {
  const asked: { readonly items: readonly number[]; readonly end: (error?: Error) => void }[] = []
  const ask = inBatches(
    3,
    (items: readonly number[]) =>
      new Promise<string[]>((resolve, reject) => {
        const end = (error?: Error) =>
          error === undefined ? resolve(items.map((item) => `did ${item}`)) : reject(error)
        asked.push({ items, end })
      }),
  )
  return { asked, ask, begun: async (count: number) => await expect.poll(() => asked.length).toBe(count) }
}

it('does the first at once, and what comes meanwhile together, so many at a time, each with its own result', async () => {
  const { asked, ask, begun } = heldWork()
  const results = [1, 2, 3, 4, 5].map((item) => ask(item))
  expect(asked.map(({ items }) => items)).toEqual([[1]])
  for (const count of [1, 2, 3]) {
    await begun(count)
    asked[count - 1]?.end()
  }
  expect(asked.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]])
  expect(await Promise.all(results)).toEqual(['did 1', 'did 2', 'did 3', 'did 4', 'did 5'])
})

it('tells all of a failure, and goes on', async () => {
  const { asked, ask, begun } = heldWork()
  const [first, ...others] = [1, 2, 3].map((item) => ask(item))
  const failed = Promise.allSettled(others)
  asked[0]?.end()
  await first
  await begun(2)
  asked[1]?.end(new Error('no'))
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const last = ask(4)
  await begun(3)
  asked[2]?.end()
  expect(await last).toBe('did 4')
})
