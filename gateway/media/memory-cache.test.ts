import { afterEach, expect, test, vi } from 'vitest'

import type { ObjectStore } from '../ports/object-store.ts'
import { withMemoryCache } from './memory-cache.ts'

afterEach(() => vi.useRealTimers())

test('a file is read once for many viewers, and one that was removed is gone after five minutes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const files = new Map([['a/0.m4s', new Uint8Array([1, 2, 3])]])
  let reads = 0
  const store: ObjectStore = {
    async open(names) {
      const bytes = files.get(names.join('/'))
      reads++
      if (bytes === undefined) return null
      return {
        size: bytes.length,
        version: 'v1',
        read: (start, end) => bytes.subarray(start, end + 1),
        close: async () => undefined,
      }
    },
  }
  const cached = withMemoryCache(store)
  const open = async () => (await cached.open(['a', '0.m4s']))?.size ?? null
  expect([await open(), await open(), reads]).toEqual([3, 3, 1])
  files.clear()
  vi.advanceTimersByTime(299_000)
  expect([await open(), reads]).toEqual([3, 1])
  vi.advanceTimersByTime(1000)
  expect([await open(), await open()]).toEqual([null, null])
})
