import { expect, test } from 'vitest'

import type { DashSegment } from './list-segments.ts'
import { createSegmentNumbering } from './number-segments.ts'

/** Lists segments of two seconds that start at these times. */
function listing(...startsSec: readonly number[]): readonly DashSegment[] {
  return startsSec.map((startSec) => ({
    periodKey: 'p',
    number: null,
    startSec,
    durationSec: 2,
    discontinuity: false,
    url: `${startSec}.m4s`,
    byteRange: null,
    map: null,
    encryption: null,
  }))
}

test('segments keep their numbers when one is listed late between two others, which has none', () => {
  const numbering = createSegmentNumbering()
  expect(numbering.number(listing(0, 2, 6), 0)).toEqual([0, 1, 2])
  expect(numbering.number(listing(0, 2, 4, 6, 8), 0)).toEqual([0, 1, null, 2, 3])
  expect(numbering.number(listing(0, 6, 8, 10), 0)).toEqual([0, 2, 3, 4])
  expect(numbering.number(listing(8, 10, 14), 0)).toEqual([3, 4, 5])
})
