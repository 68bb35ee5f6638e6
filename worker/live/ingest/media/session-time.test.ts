import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createSessionTime, type MediaTrack } from './session-time.ts'

type TimedFrame = readonly [MediaTrack, number]

function place(frames: readonly TimedFrame[]): readonly number[] {
  const time = createSessionTime()
  return frames.map(([track, timestamp]) => time.place(track, timestamp).timestampMs)
}

const video = (...times: readonly number[]): readonly TimedFrame[] => times.map((ms) => ['video', ms])

describe('the time of a session', () => {
  test('a session begins at 0, whatever the encoder begins with', () => {
    expect(place(video(5_000_000, 5_000_040, 5_000_080))).toEqual([0, 40, 80])
  })

  test('the tracks keep their distance, also where the second one begins a little earlier', () => {
    expect(
      place([
        ['video', 1000],
        ['audio', 990],
        ['audio', 1013],
        ['video', 1040],
      ]),
    ).toEqual([0, 0, 13, 40])
  })

  test('the wrap of 32 bits goes unnoticed', () => {
    expect(
      place([
        ['video', 0xfffffff0],
        ['audio', 0xfffffff8],
        ['video', 24],
        ['audio', 0xfffffffe],
        ['audio', 30],
        ['video', 64],
      ]),
    ).toEqual([0, 8, 40, 14, 46, 80])
  })

  test.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
    ['back a little', -5000],
    ['forward over half of 32 bits', 2 ** 31 - 10],
  ])('a jump %s is closed up, with one offset for both tracks', (_name, jumpMs) => {
    const start = 2 ** 31
    const jump = (ms: number) => (start + ms + jumpMs + 2 ** 32) % 2 ** 32
    expect(
      place([
        ['video', start],
        ['audio', start + 10],
        ['video', start + 40],
        ['audio', start + 33],
        ['video', jump(80)],
        // Sound from before the jump comes after the first picture behind it.
        ['audio', start + 56],
        ['audio', jump(79)],
        ['video', jump(120)],
        ['audio', jump(102)],
      ]),
    ).toEqual([0, 10, 40, 33, 80, 56, 79, 120, 102])
  })

  test('a gap of up to 10 s stays, a longer one is closed', () => {
    expect(place(video(0, 40, 9040, 30_000, 30_040))).toEqual([0, 40, 9040, 10_040, 10_080])
  })

  test('a track that pauses for longer than 10 s comes back where the other one is', () => {
    const pictures = video(...Array.from({ length: 501 }, (_, i) => i * 40))
    const placed = place([['audio', 0], ...pictures, ['audio', 20_010]])
    expect(placed.at(-1)).toBe(20_010)
  })

  test('small steps back within a track are moved to its last time', () => {
    expect(place(video(0, 40, 30, 80))).toEqual([0, 40, 40, 80])
  })

  test('no time of a track goes back and no gap is longer than 10 s, whatever comes', () => {
    const anyTime = fc.oneof(fc.nat(0xffffffff), fc.nat(60_000), fc.integer({ min: 0xffff0000, max: 0xffffffff }))
    const anyFrame = fc.tuple(fc.constantFrom<MediaTrack>('audio', 'video'), anyTime)
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 60 }), (frames) => {
        const placed = place(frames)
        const last = new Map<MediaTrack, number>()
        let latest = 0
        for (const [i, ms] of placed.entries()) {
          const [track] = frames[i] ?? ['audio']
          expect(ms).toBeGreaterThanOrEqual(last.get(track) ?? 0)
          expect(ms - latest).toBeLessThanOrEqual(10_000)
          last.set(track, ms)
          latest = Math.max(latest, ms)
        }
      }),
    )
  })
})
