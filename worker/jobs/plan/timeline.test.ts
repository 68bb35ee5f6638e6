import { describe, expect, test } from 'vitest'

import type { ProbedMedia } from '../../media/probed-media.ts'
import type { InputVideo } from './encode-plan.ts'
import { createMp4Preset, createProbe, findPlanProblem, planOrThrow } from '../testing/plans.ts'

describe('timeline', () => {
  test('a whole input is read from its start, on the clock of its video', () => {
    const plan = planOrThrow(createProbe({ startSec: 0.023 }, { durationSec: 10.02 }))
    expect(plan).toMatchObject({ startSec: 0, durationSec: 10 })
    expect(plan.input).toMatchObject({ seekSec: null, shiftSec: 0.023, video: { leadFrames: 0, frames: 300 } })
  })

  test('the start time of a file is subtracted from its timestamps', () => {
    const plan = planOrThrow({ ...createProbe({ startSec: 1.42 }, { startSec: 1.4 }), startSec: 1.4 })
    expect(plan.input.shiftSec).toBeCloseTo(0.02, 6)
    expect(plan.durationSec).toBe(10)
  })

  test('a video that begins late or ends early is padded with its first or last frame while the audio plays', () => {
    const late = planOrThrow(createProbe({ startSec: 2 }, { durationSec: 12 }))
    expect(late).toMatchObject({ durationSec: 12, input: { shiftSec: 0, video: { frames: 360 } } })
    const early = planOrThrow(createProbe({ durationSec: 4 }))
    expect(early).toMatchObject({ durationSec: 10, input: { video: { frames: 300 } } })
    expect(early.input.video?.padFrames).toBeGreaterThanOrEqual(180)
    expect(early.input.video?.padFrames).toBeLessThan(185)
  })

  test('audio that ends early is padded with silence', () => {
    expect(planOrThrow(createProbe({}, { durationSec: 7 })).input.audio?.padSec).toBeCloseTo(4, 6)
  })

  test('a clip of which the audio has no part is silent', () => {
    const isSilent = (audio: Parameters<typeof createProbe>[1], start_sec: number, duration_sec: number) =>
      planOrThrow(createProbe({}, audio), createMp4Preset(), { start_sec, duration_sec }).input.audio?.isSilent
    const [early, late] = [{ durationSec: 4 }, { startSec: 6, durationSec: 4 }]
    expect([isSilent(early, 3, 2), isSilent(early, 3.9, 2), isSilent(early, 5, 2)]).toEqual([false, true, true])
    expect([isSilent(late, 3, 2), isSilent(late, 3, 4), isSilent(late, 7, 1)]).toEqual([true, false, false])
    expect(planOrThrow(createProbe({ durationSec: 0.1 }, { durationSec: 0.06 })).input.audio?.isSilent).toBe(false)
  })

  test('both tracks of a file whose clock may be reset are read to the end of a clip', () => {
    const clip = { start_sec: 2, duration_sec: 3 }
    const watchOf = (format: string) =>
      planOrThrow({ ...createProbe({}), format }, createMp4Preset(), clip).input.watchUntilSec
    expect(watchOf('mpegts')).toBeGreaterThan(5)
    expect(watchOf('mpegts')).toBeLessThan(15)
    expect(watchOf('matroska,webm')).toBeNull()
  })

  describe('counts from the start of the file, whatever tracks an output uses', () => {
    const audioOnly = createMp4Preset({ video: null })
    const clip = { start_sec: 6, duration_sec: 0.5 }
    const shifts = (probe: ProbedMedia) =>
      [createMp4Preset(), audioOnly].map((preset) => planOrThrow(probe, preset, clip).input.shiftSec)

    test('where the audio begins late', () => {
      const late = createProbe({ durationSec: 2 }, { startSec: 4, durationSec: 3 })
      expect(shifts(late)).toEqual([6, 6])
      expect(planOrThrow(late, audioOnly)).toMatchObject({
        durationSec: 7,
        input: { shiftSec: 0, audio: { keepsOwnEnd: true } },
      })
    })

    test('where the video begins late', () => {
      expect(shifts(createProbe({ startSec: 2, durationSec: 8 }))).toEqual([6, 6])
      expect(
        planOrThrow(createProbe({ startSec: 2, durationSec: 8 }), createMp4Preset({ audio: null })).durationSec,
      ).toBe(10)
    })

    test('audio alone is padded to a video that ends later, and keeps its own end where both end together', () => {
      const short = planOrThrow(createProbe({}, { durationSec: 7 }), audioOnly)
      expect(short).toMatchObject({ durationSec: 10, input: { audio: { keepsOwnEnd: false } } })
      expect(short.input.audio?.padSec).toBeCloseTo(4, 6)
      const even = planOrThrow(createProbe({}, { startSec: 0.02, durationSec: 9.95 }), audioOnly)
      expect(even).toMatchObject({ durationSec: 9.95, input: { shiftSec: 0.02, audio: { keepsOwnEnd: true } } })
    })
  })

  test('a clip begins with the frame at or after its start, and lasts a whole number of frames', () => {
    const plan = planOrThrow(createProbe({}), createMp4Preset(), { start_sec: 2.01, duration_sec: 3.02 })
    expect(plan.startSec).toBeCloseTo(2 + 1 / 30, 9)
    expect(plan.durationSec).toBeCloseTo(91 / 30, 9)
    const { seekSec, shiftSec, video } = plan.input
    expect(seekSec).toBeNull()
    expect(shiftSec).toBeCloseTo(plan.startSec, 9)
    expect(video).toMatchObject({ leadFrames: 61, frames: 91 })
  })

  describe('the seek point of a clip lies', () => {
    const clip = { start_sec: 500, duration_sec: 5 }
    const [mov, matroska] = ['mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm']
    const long = { durationSec: 600 }
    const seekOf = (
      format: string,
      video: Partial<InputVideo> | null,
      audio: Parameters<typeof createProbe>[1] = long,
    ) =>
      planOrThrow({ ...createProbe(video && { ...long, ...video }, audio), format }, createMp4Preset(), clip).input
        .seekSec

    test('shortly before the clip, where the file has an index of keyframes by display time', () => {
      expect(seekOf(matroska, {})).toBe(498)
      expect(seekOf(matroska, { isVariableFrameRate: true })).toBe(498)
    })

    test('so far before the clip that a keyframe is displayed by then, where the index has decoding times', () => {
      expect(seekOf(mov, {})).toBeCloseTo(500 - 2 - 16 / 30 - 12, 6)
      expect(seekOf(mov, { isVariableFrameRate: true })).toBeNull()
      expect(seekOf(mov, null)).toBe(498)
    })

    test('before the last frame, where the video has ended, and never before the first', () => {
      expect(seekOf(matroska, { durationSec: 100 })).toBe(98)
      expect(seekOf(matroska, { startSec: 499, durationSec: 101 })).toBeNull()
    })

    test('at the start of the file, where the container has no keyframe index', () => {
      expect(['mpegts', 'mpeg', 'h264', 'hevc', 'avi', 'flv'].map((format) => seekOf(format, {}))).toEqual(
        Array.from({ length: 6 }, () => null),
      )
    })
  })

  test('a clip that is longer than the rest of the input ends with the input', () => {
    expect(planOrThrow(createProbe({}), createMp4Preset(), { start_sec: 8, duration_sec: 100 })).toMatchObject({
      durationSec: 2,
      input: { video: { frames: 60 } },
    })
  })

  test('a clip after the end is rejected with the length of the input', () => {
    expect(findPlanProblem(createProbe({}), createMp4Preset(), { start_sec: 10, duration_sec: 1 })).toMatchObject({
      code: 'INPUT_INVALID',
      message: 'the clip begins at 10 s, but the input lasts 10.000 s',
      is_transient: false,
    })
  })

  test('a clip after the last frame is rejected with the length of the input', () => {
    expect(findPlanProblem(createProbe({}), createMp4Preset(), { start_sec: 9.99, duration_sec: 1 })).toMatchObject({
      message: 'the clip begins at 9.99 s, less than a frame before the end: the input lasts 10.000 s',
    })
    expect(
      planOrThrow(createProbe({}), createMp4Preset(), { start_sec: 9.96, duration_sec: 1 }).input.video?.frames,
    ).toBe(1)
    // In floating point, 0.6 + 7.7 - 0.6 - 7.7 is more than 0.
    const extent = { startSec: 0.6, durationSec: 7.7 }
    expect(
      findPlanProblem(createProbe(extent, extent), createMp4Preset(), { start_sec: 7.69, duration_sec: 1 }),
    ).not.toBeNull()
  })
})
