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

const FPS = 25

/** Returns the longest stretch without a change, in seconds, of 40 s whose pixels are given by their place and time. */
function measureCalmSec(luminance: (x: number, y: number, sec: number) => number, gopFrames: number): number {
  const meter = createPictureMeter()
  const changes = Array.from({ length: 40 * FPS }, (_, frame) => {
    const pixel = (_value: number, i: number) => Math.round(luminance(i % 64, Math.floor(i / 64), frame / FPS))
    const picture = new Uint8Array(SMALL_PICTURE_BYTES).map(pixel)
    return meter.measure(0, picture, frame % gopFrames === 0).isStill ? [] : [frame]
  }).flat()
  return Math.max(...[...changes.slice(1), 40 * FPS].map((frame, i) => frame - (changes[i] ?? 0))) / FPS
}

test.each([
  ['a fade', (_x: number, _y: number, sec: number) => 235 - (219 * sec) / 40],
  ['a faint fade', (_x: number, _y: number, sec: number) => 235 - (219 * sec) / 120],
  ['soft clouds', (x: number, _y: number, sec: number) => 125 + 90 * Math.sin(2 * Math.PI * (x / 64 + sec / 60))],
  ['a slow edge', (x: number, _y: number, sec: number) => 60 + 100 * Math.min(1, Math.max(0, 20 + 0.1 * sec - x))],
])('%s changes the picture at least every 5 s, however little from frame to frame', (_, luminance) => {
  for (const gopFrames of [1, 25, 250]) expect(measureCalmSec(luminance, gopFrames)).toBeLessThan(5)
})

test('a still picture that is drawn anew with each keyframe does not change', () => {
  for (const gopFrames of [1, 25, 50]) {
    const drawn = (x: number, y: number, sec: number) => {
      const gop = Math.floor(Math.round(sec * FPS) / gopFrames)
      return 100 + ((x + 7 * y + gop) % 3) * 7
    }
    expect(measureCalmSec(drawn, gopFrames)).toBe(40)
  }
})

test('what was measured can be taken back', () => {
  const meter = createPictureMeter()
  meter.measure(0, small(), true)
  const takeBack = meter.save()
  meter.measure(0, small(900, 90), true)
  takeBack()
  expect(meter.measure(0, small(), true).isStill).toBe(true)
})
