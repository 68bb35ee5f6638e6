import { describe, expect, test } from 'vitest'

import type { Probe } from '../platform/probed-media.ts'
import { mp4, type Picture, planned, problem, source } from './testing/plans.ts'

describe('time', () => {
  test('the whole source is read from its start, by the picture and its clock', () => {
    const plan = planned(source({ startSec: 0.023 }, { durationSec: 10.02 }))
    expect(plan).toMatchObject({ startSec: 0, durationSec: 10 })
    expect(plan.reading).toMatchObject({ seekSec: null, shiftSec: 0.023, picture: { leadFrames: 0, frames: 300 } })
  })

  test('a file whose clock does not begin at 0 is read as if it did', () => {
    const plan = planned({ ...source({ startSec: 1.42 }, { startSec: 1.4 }), startSec: 1.4 })
    expect(plan.reading.shiftSec).toBeCloseTo(0.02, 6)
    expect(plan.durationSec).toBe(10)
  })

  test('a picture that begins late, or ends early, is held for as long as the sound goes on', () => {
    const late = planned(source({ startSec: 2 }, { durationSec: 12 }))
    expect(late).toMatchObject({ durationSec: 12, reading: { shiftSec: 0, picture: { frames: 360 } } })
    const early = planned(source({ durationSec: 4 }))
    expect(early).toMatchObject({ durationSec: 10, reading: { picture: { frames: 300 } } })
    expect(early.reading.picture?.padFrames).toBeGreaterThanOrEqual(180)
    expect(early.reading.picture?.padFrames).toBeLessThan(185)
  })

  test('sound that ends early is made up for with silence', () => {
    expect(planned(source({}, { durationSec: 7 })).reading.sound?.padSec).toBeCloseTo(3.05, 6)
  })

  describe('counts from the start of the file, whatever is taken from it', () => {
    const alone = mp4({ video: null })
    const clip = { start_sec: 6, duration_sec: 0.5 }
    const shifts = (probe: Probe) => [mp4(), alone].map((preset) => planned(probe, preset, clip).reading.shiftSec)

    test('also where the sound begins late', () => {
      const late = source({ durationSec: 2 }, { startSec: 4, durationSec: 3 })
      expect(shifts(late)).toEqual([6, 6])
      expect(planned(late, alone)).toMatchObject({ durationSec: 7, reading: { shiftSec: 0, sound: { isWhole: true } } })
    })

    test('also where the picture begins late', () => {
      expect(shifts(source({ startSec: 2, durationSec: 8 }))).toEqual([6, 6])
      expect(planned(source({ startSec: 2, durationSec: 8 }), mp4({ audio: null })).durationSec).toBe(10)
    })

    test('sound is as long as a picture that ends after it, and is whole where it ends with it', () => {
      const short = planned(source({}, { durationSec: 7 }), alone)
      expect(short).toMatchObject({ durationSec: 10, reading: { sound: { isWhole: false } } })
      expect(short.reading.sound?.padSec).toBeCloseTo(3.05, 6)
      const even = planned(source({}, { startSec: 0.02, durationSec: 9.95 }), alone)
      expect(even).toMatchObject({ durationSec: 9.95, reading: { shiftSec: 0.02, sound: { isWhole: true } } })
    })
  })

  test('a clip begins with the frame at or after its start, and lasts for whole frames', () => {
    const plan = planned(source({}), mp4(), { start_sec: 2.01, duration_sec: 3.02 })
    expect(plan.startSec).toBeCloseTo(2 + 1 / 30, 9)
    expect(plan.durationSec).toBeCloseTo(91 / 30, 9)
    const { seekSec, shiftSec, picture } = plan.reading
    expect(seekSec).toBeNull()
    expect(shiftSec).toBeCloseTo(plan.startSec, 9)
    expect(picture).toMatchObject({ leadFrames: 61, frames: 91 })
  })

  describe('the source of a clip is read from a place', () => {
    const clip = { start_sec: 500, duration_sec: 5 }
    const [mov, matroska] = ['mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm']
    const long = { durationSec: 600 }
    const seekOf = (format: string, picture: Partial<Picture> | null, sound: Parameters<typeof source>[1] = long) =>
      planned({ ...source(picture && { ...long, ...picture }, sound), format }, mp4(), clip).reading.seekSec

    test('shortly before it, where the file has an index of key frames by when they are shown', () => {
      expect(seekOf(matroska, {})).toBe(498)
      expect(seekOf(matroska, { isVariableFrameRate: true })).toBe(498)
    })

    test('so far before it that a key frame is also shown by then, where the index is by when they are decoded', () => {
      expect(seekOf(mov, {})).toBeCloseTo(500 - 2 - 16 / 30 - 12, 6)
      expect(seekOf(mov, { isVariableFrameRate: true })).toBeNull()
      expect(seekOf(mov, null)).toBe(498)
    })

    test('before the last frame, where the picture has ended, and never before the first', () => {
      expect(seekOf(matroska, { durationSec: 100 })).toBe(98)
      expect(seekOf(matroska, { startSec: 499, durationSec: 101 })).toBeNull()
    })

    test('that is its start, where ffmpeg finds no key frame by itself', () => {
      expect(['mpegts', 'mpeg', 'h264', 'hevc', 'avi', 'flv'].map((format) => seekOf(format, {}))).toEqual(
        Array.from({ length: 6 }, () => null),
      )
    })
  })

  test('a clip that is longer than what is left ends with the source', () => {
    expect(planned(source({}), mp4(), { start_sec: 8, duration_sec: 100 })).toMatchObject({
      durationSec: 2,
      reading: { picture: { frames: 60 } },
    })
  })

  test('a clip behind the end is a problem of the request, told with the length of the input', () => {
    expect(problem(source({}), mp4(), { start_sec: 10, duration_sec: 1 })).toMatchObject({
      code: 'INPUT_INVALID',
      message: 'the clip begins at 10 s, but the input lasts 10.000 s',
      is_transient: false,
    })
  })

  test('a clip behind the last frame is told that less than one is left', () => {
    expect(problem(source({}), mp4(), { start_sec: 9.99, duration_sec: 1 })).toMatchObject({
      message: 'the clip begins at 9.99 s, and less than a frame is left there of the 10.000 s that the input lasts',
    })
    expect(planned(source({}), mp4(), { start_sec: 9.96, duration_sec: 1 }).reading.picture?.frames).toBe(1)
    // To a machine, 0.6 + 7.7 - 0.6 - 7.7 is more than 0.
    const extent = { startSec: 0.6, durationSec: 7.7 }
    expect(problem(source(extent, extent), mp4(), { start_sec: 7.69, duration_sec: 1 })).not.toBeNull()
  })
})
