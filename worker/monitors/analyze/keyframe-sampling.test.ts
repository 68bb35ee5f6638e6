import { expect, test } from 'vitest'

import type { TrackOutput } from './decoder-output.ts'
import { canUseKeyframes, hasNoMarks } from './keyframe-sampling.ts'

const extent = { fromSec: 10, toSec: 16 }

/** A picture of 10 frames per second over the extent, with keyframes at these seconds. */
function picture(...keys: number[]): TrackOutput {
  const packets = Array.from({ length: 60 }, (_, i) => ({ sec: 10 + i / 10, isKey: keys.includes(i / 10) }))
  return { packets, frames: keys.map((key) => 10 + key), marks: { blackout: [] } }
}

function sampleable(keys: readonly number[], thresholdSec: number, lines = 1080): boolean {
  const sound: TrackOutput = { packets: [], frames: [], marks: {} }
  return canUseKeyframes({ picture: picture(...keys), sound, lines }, extent, thresholdSec)
}

test('keyframes are enough where no gap between them, or after the last, is as long as the threshold', () => {
  expect(sampleable([0, 2, 4], 2.1)).toBe(true)
  expect(sampleable([0, 2, 4], 2)).toBe(false)
  expect(sampleable([0, 1, 2], 3.9)).toBe(false)
  expect(sampleable([0], 7)).toBe(true)
})

test('keyframes are not enough where the first frame is none, there are none, or the picture is small', () => {
  expect(sampleable([1, 2, 4], 5)).toBe(false)
  expect(sampleable([], 5)).toBe(false)
  expect(sampleable([0, 2, 4], 5, 480)).toBe(false)
})

test('keyframes have no marks only where all were decoded and none is marked', () => {
  const track = picture(0, 2, 4)
  expect(hasNoMarks(track)).toBe(true)
  expect(hasNoMarks({ ...track, frames: [10, 12] })).toBe(false)
  expect(hasNoMarks({ ...track, marks: { blackout: [{ sec: 12, isStart: true }] } })).toBe(false)
})
