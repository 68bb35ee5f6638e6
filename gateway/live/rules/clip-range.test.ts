import { expect, test } from 'vitest'

import { locateClip } from './clip-range.ts'

const SEGMENTS = Array.from({ length: 10 }, (_, i) => ({ seq: 100 + i, durationSec: 2 }))
const locate = (startSec: number, durationSec: number) => locateClip(SEGMENTS, { startSec, durationSec })

test('a clip takes the segments that it lies in, and begins within the first one', () => {
  expect(locate(0, 5)).toEqual({ firstSeq: 100, lastSeq: 102, startSec: 0 })
  expect(locate(3.5, 8)).toEqual({ firstSeq: 101, lastSeq: 105, startSec: 1.5 })
  expect(locate(4, 6)).toEqual({ firstSeq: 102, lastSeq: 104, startSec: 0 })
  expect(locate(14, 6)).toEqual({ firstSeq: 107, lastSeq: 109, startSec: 0 })
})

test('a clip that is not stored whole is none; roundings are forgiven', () => {
  expect(locate(-0.2, 5)).toBeNull()
  expect(locate(15.2, 5)).toBeNull()
  expect(locateClip([], { startSec: 0, durationSec: 5 })).toBeNull()
  expect(locate(-0.01, 5)).toEqual({ firstSeq: 100, lastSeq: 102, startSec: 0 })
  expect(locate(15.01, 5)).toEqual({ firstSeq: 107, lastSeq: 109, startSec: 1 })
})
