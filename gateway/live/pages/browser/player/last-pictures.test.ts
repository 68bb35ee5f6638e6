import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { createEndWatch, isAtEnd } from './last-pictures.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const seekableTo = (sec: number) => ({ length: 1, end: () => sec })

test('a player is at its end where it has ended, has nothing to play, or is close to the newest picture', () => {
  const at = (currentTime: number) => isAtEnd({ currentTime, ended: false, seekable: seekableTo(3600) })
  expect([0, 3590, 3599, 3600].map(at)).toEqual([false, false, true, true])
  expect(isAtEnd({ currentTime: 5, ended: true, seekable: seekableTo(3600) })).toBe(true)
  expect(isAtEnd({ currentTime: 0, ended: false, seekable: { length: 0, end: () => 0 } })).toBe(true)
})

test('a viewer who is back in time is not interrupted, and the end is found once it is reached', () => {
  const onEnd = vi.fn<() => void>()
  let isOver = false
  createEndWatch(() => isOver, onEnd).start()
  vi.advanceTimersByTime(3_600_000)
  expect(onEnd).not.toHaveBeenCalled()
  isOver = true
  vi.advanceTimersByTime(20_000)
  expect(onEnd).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(60_000)
  expect(onEnd).toHaveBeenCalledOnce()
})

test('the end of a player that is gone is not waited for, and one wait follows another', () => {
  const onEnd = vi.fn<() => void>()
  const watch = createEndWatch(() => true, onEnd)
  watch.start()
  watch.stop()
  vi.advanceTimersByTime(60_000)
  expect(onEnd).not.toHaveBeenCalled()
  watch.start()
  watch.start()
  vi.advanceTimersByTime(60_000)
  expect(onEnd).toHaveBeenCalledOnce()
})
