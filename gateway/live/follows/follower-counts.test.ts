import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createSharedFollowerCounts } from './follower-counts.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('the followers of a channel are counted once a second for all its viewers, also after a failure', async () => {
  const results = [Promise.resolve(1), Promise.reject(new Error('away')), Promise.resolve(3)]
  const read = vi.fn<(userId: string) => Promise<number>>(() => results.shift() ?? Promise.resolve(0))
  const count = createSharedFollowerCounts(read)
  expect(await Promise.all([count('anna'), count('anna')])).toEqual([1, 1])
  expect(await count('anna')).toBe(1)
  expect(read).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1000)
  await expect(count('anna')).rejects.toThrow('away')
  vi.advanceTimersByTime(1000)
  expect(await count('anna')).toBe(3)
  expect(await count('ben')).toBe(0)
  expect(read).toHaveBeenCalledTimes(4)
})
