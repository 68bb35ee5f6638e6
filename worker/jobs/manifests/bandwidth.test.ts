import { expect, it } from 'vitest'

import { measureTrackBitRates } from './bandwidth.ts'
import type { TrackSegment, ManifestTrack } from './manifest-track.ts'

/** Returns a track with segments of these durations in seconds and sizes in bytes. */
function track(...all: readonly [readonly [number, number], ...(readonly [number, number])[]]): ManifestTrack {
  const [first, ...others] = all.map(([sec, bytes], at): TrackSegment => {
    const start = all.slice(0, at).reduce((sum, [before]) => sum + before * 1000, 0)
    return { name: `${at}`, bytes, start, duration: sec * 1000 }
  })
  if (first === undefined) throw new Error('a track has a segment')
  return { index: 0, codecs: [], timescale: 1000, initName: null, segments: [first, ...others] }
}

it('the peak is the bit rate of the highest segment, the average that of all', () => {
  expect(measureTrackBitRates(track([6, 6000], [6, 9000], [6, 3000]))).toEqual({ peak: 12_000, average: 8000 })
})

it('a last segment of less than half the target duration counts only together with previous segments', () => {
  expect(measureTrackBitRates(track([6, 6000], [1, 4000]))).toEqual({ peak: Math.ceil(80_000 / 7), average: 11_429 })
})

it('a run of short segments can be the peak', () => {
  expect(measureTrackBitRates(track([6, 6000], [2, 3000], [2, 3000], [6, 6000])).peak).toBe(12_000)
})

it('a single short segment is both peak and average', () => {
  expect(measureTrackBitRates(track([0.2, 100]))).toEqual({ peak: 4000, average: 4000 })
})

it('bit rates are rounded up', () => {
  expect(measureTrackBitRates(track([3, 1000]))).toEqual({ peak: 2667, average: 2667 })
})
