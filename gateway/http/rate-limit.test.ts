import { expect, test } from 'vitest'

import { createCallCounters } from './rate-limit.ts'

const MINUTE = 60_000

test("a client's calls count for a minute from its first one, separately from other clients and the other kind", () => {
  const { writes, reads } = createCallCounters({ writesPerMinute: 2, readsPerMinute: 5 })
  expect([writes.limit, reads.limit]).toEqual([2, 5])
  expect(writes.count('a', 1000)).toEqual({ calls: 1, endsInMs: MINUTE })
  expect(writes.count('a', 31_000)).toEqual({ calls: 2, endsInMs: 30_000 })
  expect(writes.count('b', 31_000)).toEqual({ calls: 1, endsInMs: MINUTE })
  expect(reads.count('a', 31_000)).toEqual({ calls: 1, endsInMs: MINUTE })
  expect(writes.count('a', 1000 + MINUTE)).toEqual({ calls: 1, endsInMs: MINUTE })
})

test('inactive clients are forgotten, active ones are not', () => {
  const { reads } = createCallCounters({ writesPerMinute: 1, readsPerMinute: 1 })
  for (let client = 0; client < 1000; client++) reads.count(`once ${client}`, 1000)
  reads.count('late', 50_000)
  expect(reads.clients()).toBe(1001)
  expect(reads.count('late', 2000 + MINUTE).calls).toBe(2)
  expect(reads.clients()).toBe(1)
})
