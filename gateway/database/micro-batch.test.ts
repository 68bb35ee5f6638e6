import { expect, it } from 'vitest'

import { microBatch } from './micro-batch.ts'

/** Creates a micro-batched function whose batches end when the test ends them. */
function createHeldBatches() {
  const batches: { readonly items: readonly number[]; readonly end: (error?: Error) => void }[] = []
  const send = microBatch(
    3,
    (items: readonly number[]) =>
      new Promise<string[]>((resolve, reject) => {
        const end = (error?: Error) =>
          error === undefined ? resolve(items.map((item) => `did ${item}`)) : reject(error)
        batches.push({ items, end })
      }),
  )
  return { batches, send, waitForBatches: async (count: number) => await expect.poll(() => batches.length).toBe(count) }
}

it('the first item runs at once, later ones run in batches up to the limit, each with its own result', async () => {
  const { batches, send, waitForBatches } = createHeldBatches()
  const results = [1, 2, 3, 4, 5].map((item) => send(item))
  expect(batches.map(({ items }) => items)).toEqual([[1]])
  for (const count of [1, 2, 3]) {
    await waitForBatches(count)
    batches[count - 1]?.end()
  }
  expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]])
  expect(await Promise.all(results)).toEqual(['did 1', 'did 2', 'did 3', 'did 4', 'did 5'])
})

it('an error rejects every item of its batch, and later batches still run', async () => {
  const { batches, send, waitForBatches } = createHeldBatches()
  const [first, ...others] = [1, 2, 3].map((item) => send(item))
  const failed = Promise.allSettled(others)
  batches[0]?.end()
  await first
  await waitForBatches(2)
  batches[1]?.end(new Error('no'))
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const last = send(4)
  await waitForBatches(3)
  batches[2]?.end()
  expect(await last).toBe('did 4')
})
