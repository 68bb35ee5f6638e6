import { describe, expect, test } from 'vitest'

import { createSegmentClock } from './segment-clock.ts'

/** Returns the durations of segments that are `realSec` long by their timestamps and `statedSec` by their playlist. */
function measure(count: number, { realSec, statedSec }: { realSec: number; statedSec: number }, fromSec = 100) {
  const clock = createSegmentClock()
  return Array.from({ length: count }, (_, index) => {
    return clock.advance({ fromSec: fromSec + index * realSec, durationSec: statedSec }).durationSec
  })
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('durations that are wrong by little', () => {
  test.each([
    ['too short', 5.9],
    ['too long', 6.14],
    ['rounded', 6.004],
  ])('and always %s do not add up', (_, statedSec) => {
    const durations = measure(600, { realSec: 6, statedSec })
    expect(sum(durations)).toBeCloseTo(3600 + (statedSec - 6), 1)
    expect(durations.at(-1)).toBeCloseTo(6, 1)
  })

  test('do not add up over the wrap of the timestamps', () => {
    const clock = createSegmentClock()
    const firstSec = 2 ** 33 / 90_000 - 30
    const durations = Array.from({ length: 20 }, (_, index) => {
      const fromSec = (firstSec + index * 6) % (2 ** 33 / 90_000)
      return clock.advance({ fromSec, durationSec: 5.9 }).durationSec
    })
    expect(sum(durations)).toBeCloseTo(119.9, 1)
  })
})

test('durations that are exact stay as they are', () => {
  expect(measure(3, { realSec: 2.002, statedSec: 2.002 })).toEqual([2.002, 2.002, 2.002])
})

test('a segment follows another one where its timestamps go on, and neither a jump nor an interruption is made up for', () => {
  const clock = createSegmentClock()
  const advance = (fromSec: number) => clock.advance({ fromSec, durationSec: 2 })
  expect([10, 12, 14.1, 500, 502].map((fromSec) => advance(fromSec).follows)).toEqual([false, true, true, false, true])
  clock.interrupt()
  expect(advance(504.1)).toEqual({ durationSec: 2, follows: false })
})
