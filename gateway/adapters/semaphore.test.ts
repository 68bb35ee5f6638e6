import { expect, test } from 'vitest'

import { createSemaphore } from './semaphore.ts'

const NEVER = new AbortController().signal

test('waiting callers get released permits in the order in which they came, one each', async () => {
  const semaphore = createSemaphore(2)
  const order: number[] = []
  const release = [await semaphore.acquire(NEVER), await semaphore.acquire(NEVER)]
  const turns = [1, 2, 3].map(async (n) => {
    release.push(await semaphore.acquire(NEVER))
    order.push(n)
  })
  release.shift()?.()
  await turns[0]
  expect(order).toEqual([1])
  release.shift()?.()
  release.shift()?.()
  await Promise.all(turns)
  expect(order).toEqual([1, 2, 3])
})

test('a caller that aborts its wait takes no permit', async () => {
  const semaphore = createSemaphore(1)
  const release = await semaphore.acquire(NEVER)
  const caller = new AbortController()
  const first = semaphore.acquire(caller.signal)
  const second = semaphore.acquire(NEVER)
  caller.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  release()
  const releaseSecond = await second
  releaseSecond()
  await semaphore.acquire(NEVER)
  await expect(semaphore.acquire(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
})

test('a permit that is released at the moment of an abort goes to the next caller', async () => {
  const semaphore = createSemaphore(1)
  const release = await semaphore.acquire(NEVER)
  const caller = new AbortController()
  const first = semaphore.acquire(caller.signal)
  caller.abort(new Error('enough'))
  release()
  await expect(first).rejects.toThrow('enough')
  await semaphore.acquire(NEVER)
})
