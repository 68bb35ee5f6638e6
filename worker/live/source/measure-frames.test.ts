import { describe, expect, test } from 'vitest'

import { divideSegments, measureFrameRate } from './measure-frames.ts'

const timesAt = (rate: number, count = 70) =>
  Array.from({ length: count }, (_, index) => Math.round((index * 1000) / rate))

describe('the frame rate', () => {
  test.each([24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60])(
    '%d is recognized in timestamps of whole ms',
    (rate) => {
      expect(measureFrameRate(timesAt(rate))).toBe(rate)
    },
  )

  test('does not count missing frames', () => {
    expect(measureFrameRate(timesAt(30).filter((_, index) => index % 9 !== 5))).toBeCloseTo(30, 0)
  })

  test('of fewer than two frames is a usual one', () => {
    expect(measureFrameRate([])).toBe(30)
    expect(measureFrameRate([5])).toBe(30)
  })
})

describe('key frames divide segments', () => {
  test.each([
    [[23, 2023], true],
    [[0, 1001, 2002], true],
    [[0, 2002], true],
    [[0, 500, 1000], true],
    [[0, 667, 1333, 2000], true],
    [[0, 2034], true],
    [[0, 3000], false],
    [[0, 10_000], false],
    [[0, 33, 67], false],
    [[0, 1500, 3000], false],
    [[0], false],
    [[], false],
  ])('at %j: %s', (times, expected) => {
    expect(divideSegments(times, 2000, 33.3)).toBe(expected)
  })
})
