import { expect, test } from 'vitest'

import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { computePatienceMs, computeRetryPauseMs } from './segment-retry.ts'

const middle = () => 0.5

test('a segment is tried every quarter of the target duration at first, then ever more slowly up to 15 s', () => {
  const pauses = [1, 4, 5, 6, 100].map((attempts) => computeRetryPauseMs({ attempts }, 2, middle))
  expect(pauses).toEqual([500, 500, 750, 1125, 15_000])
  expect(computeRetryPauseMs({ attempts: 1 }, 0.5, middle)).toBe(250)
})

test('a lost segment is waited for while its window holds it, for 10 to 30 s', () => {
  const segment = { durationSec: 2 } as StreamSegment
  const patience = (count: number) =>
    computePatienceMs({ segments: Array.from({ length: count }, () => segment) } as unknown as StreamPlaylist, segment)
  expect([2, 10, 1000].map(patience)).toEqual([10_000, 20_000, 30_000])
})
