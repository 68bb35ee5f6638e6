import { expect, it } from 'vitest'

import { measureBitRates } from './bandwidth.ts'
import type { Segment, Track } from './track.ts'

/** Segments by length in seconds and size in bytes. */
function track(...all: readonly [readonly [number, number], ...(readonly [number, number])[]]): Track {
  const [first, ...others] = all.map(([sec, bytes], at): Segment => {
    const start = all.slice(0, at).reduce((sum, [before]) => sum + before * 1000, 0)
    return { name: `${at}`, bytes, start, duration: sec * 1000 }
  })
  if (first === undefined) throw new Error('a track has a segment')
  return { index: 0, codecs: [], timescale: 1000, initName: null, segments: [first, ...others] }
}

it('the peak is that of the greediest segment, the average that of all', () => {
  expect(measureBitRates(track([6, 6000], [6, 9000], [6, 3000]))).toEqual({ peak: 12_000, average: 8000 })
})

it('a last segment of less than half the target counts only together with those before it', () => {
  expect(measureBitRates(track([6, 6000], [1, 4000]))).toEqual({ peak: Math.ceil(80_000 / 7), average: 11_429 })
})

it('a run of short segments that is greedier than each long one counts', () => {
  expect(measureBitRates(track([6, 6000], [2, 3000], [2, 3000], [6, 6000])).peak).toBe(12_000)
})

it('a film of one short segment has its own bit rate', () => {
  expect(measureBitRates(track([0.2, 100]))).toEqual({ peak: 4000, average: 4000 })
})

it('fractions of a bit are rounded up, so that the peak is never understated', () => {
  expect(measureBitRates(track([3, 1000]))).toEqual({ peak: 2667, average: 2667 })
})
