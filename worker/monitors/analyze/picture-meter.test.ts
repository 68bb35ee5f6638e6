import { expect, test } from 'vitest'

import { SMALL_PICTURE_BYTES } from './decoder-arguments.ts'
import { createPictureMeter } from './picture-meter.ts'

/** A small picture whose first pixels differ from the others by some luminance. */
function small(pixels = 0, by = 0): Uint8Array {
  return new Uint8Array(SMALL_PICTURE_BYTES).fill(100).fill(100 + by, 0, pixels)
}

/** Returns which of these pictures are still; keyframes are marked by `K`. */
function measure(...frames: readonly (readonly ['K' | 'P', Uint8Array])[]): boolean[] {
  const meter = createPictureMeter()
  return frames.map(([type, picture]) => meter.measure(0, picture, type === 'K').isStill)
}

test('a picture is black from 98 % of dark pixels on', () => {
  const meter = createPictureMeter()
  expect([97, 98].map((percent) => meter.measure(percent, small(), true).isBlack)).toEqual([false, true])
})

test('a change of a thousandth of the picture is seen between frames, and one of its encoding is not', () => {
  expect(measure(['K', small()], ['P', small()], ['P', small()])).toEqual([false, true, true])
  const calm = Array.from({ length: 6 }, () => ['P', small()] as const)
  expect(measure(['K', small()], ...calm, ['P', small(2, 10)]).at(-1)).toBe(false)
  expect(measure(['K', small()], ...calm, ['P', small(500, 9)]).at(-1)).toBe(true)
})

test('a keyframe is compared with the keyframe before, and other frames with each other', () => {
  const pumped = small(900, 30)
  expect(measure(['K', pumped], ['P', small()], ['K', pumped], ['P', small()])).toEqual([false, true, true, true])
  expect(measure(['K', small()], ['K', small(3, 16)])).toEqual([false, false])
})

test('what was measured can be taken back', () => {
  const meter = createPictureMeter()
  meter.measure(0, small(), true)
  const takeBack = meter.save()
  meter.measure(0, small(900, 90), true)
  takeBack()
  expect(meter.measure(0, small(), true).isStill).toBe(true)
})
