import { expect, test } from 'vitest'

import { createSlots } from './slots.ts'

const NEVER = new AbortController().signal

test('whoever waits has its turn in the order in which it came, one for each that leaves', async () => {
  const slots = createSlots(2)
  const order: number[] = []
  const leave = [await slots.take(NEVER), await slots.take(NEVER)]
  const turns = [1, 2, 3].map(async (n) => {
    leave.push(await slots.take(NEVER))
    order.push(n)
  })
  leave.shift()?.()
  await turns[0]
  expect(order).toEqual([1])
  leave.shift()?.()
  leave.shift()?.()
  await Promise.all(turns)
  expect(order).toEqual([1, 2, 3])
})

test("whoever gives up waiting takes nobody's turn", async () => {
  const slots = createSlots(1)
  const leave = await slots.take(NEVER)
  const leaving = new AbortController()
  const first = slots.take(leaving.signal)
  const second = slots.take(NEVER)
  leaving.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  leave()
  const leaveAgain = await second
  leaveAgain()
  await slots.take(NEVER)
  await expect(slots.take(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
})

test('a turn that comes at the moment of giving up goes to the next', async () => {
  const slots = createSlots(1)
  const leave = await slots.take(NEVER)
  const leaving = new AbortController()
  const first = slots.take(leaving.signal)
  leaving.abort(new Error('enough'))
  leave()
  await expect(first).rejects.toThrow('enough')
  await slots.take(NEVER)
})
