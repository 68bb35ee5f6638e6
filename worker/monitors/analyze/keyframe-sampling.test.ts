import { expect, test } from 'vitest'

import { createFormat, type MediaPacket } from '../../media/demux/media-packet.ts'
import { canUseKeyframes } from './keyframe-sampling.ts'

/** A picture of 10 frames per second from second 10 to 16, with keyframes at these seconds after its start. */
function packets(keys: readonly number[], height = 1080): MediaPacket[] {
  const format = createFormat({ codec: 'h264', key: 'h264', matroska: null, width: 1920, height })
  return Array.from({ length: 60 }, (_, i) => {
    const isIndependent = keys.includes(i / 10)
    return { sec: 10 + i / 10, isKey: isIndependent, isIndependent, bytes: Buffer.alloc(0), format }
  })
}

const sampleable = (keys: readonly number[], thresholdSec: number, height?: number) =>
  canUseKeyframes(packets(keys, height), 16, thresholdSec)

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
