import { describe, expect, test } from 'vitest'

import { toMediaInfo } from '../input/media-info.ts'
import type { InputVideo } from './encode-plan.ts'
import { createHlsPreset, createMp4Preset, createProbe, findPlanProblem, planOrThrow } from '../testing/plans.ts'

function planSizes(input: Partial<InputVideo>, ...heights: number[]): string[] {
  const { video } = planOrThrow(createProbe(input), createHlsPreset(...heights))
  return video?.renditions.map(({ width, height }) => `${width}x${height}`) ?? []
}

describe('rendition sizes', () => {
  test('renditions taller than the input are left out, and the others are numbered from the tallest', () => {
    const { video } = planOrThrow(createProbe({}), createHlsPreset(1080, 720, 480))
    expect(video?.renditions).toEqual([
      { index: 0, width: 1280, height: 720, crf: null, kbps: 2880 },
      { index: 1, width: 854, height: 480, crf: null, kbps: 1920 },
    ])
  })

  test('if all renditions are taller than the input, the smallest remains in the size of the input', () => {
    expect(planSizes({ width: 320, height: 180 }, 720, 480, 360)).toEqual(['320x180'])
  })

  test('the height of a rendition is the shorter side of a portrait video', () => {
    expect(planSizes({ width: 1080, height: 1920 }, 1080, 720)).toEqual(['1080x1920', '720x1280'])
  })

  test('odd sides become even, and are never larger than those of the input', () => {
    expect(planSizes({ width: 321, height: 181 }, 360)).toEqual(['320x180'])
    expect(planSizes({ width: 1279, height: 719 }, 360)).toEqual(['640x360'])
  })

  test('a video that is too small for the encoder is rejected', () => {
    const av1 = createMp4Preset({ video: { codec: 'av1', speed: '8', renditions: [{ height: 1080, crf: 35 }] } })
    expect(findPlanProblem(createProbe({ width: 62, height: 200 }), av1)).toMatchObject({ code: 'INPUT_INVALID' })
    expect(planOrThrow(createProbe({ width: 62, height: 200 })).video?.renditions[0]).toMatchObject({
      width: 62,
      height: 200,
    })
    expect(findPlanProblem(createProbe({ width: 8, height: 200 }), createMp4Preset())).toMatchObject({
      code: 'INPUT_INVALID',
    })
  })
})

describe('video', () => {
  function planFps(input: Partial<InputVideo>): string {
    const { num, den } = planOrThrow(createProbe(input)).video?.fps ?? { num: 0, den: 0 }
    return `${num}/${den}`
  }
  const variable = { isVariableFrameRate: true }

  test('a constant frame rate is kept, and an approximate one becomes the standard rate that it stands for', () => {
    expect(planFps({})).toBe('30/1')
    expect(planFps({ fps: { num: 2997, den: 100 } })).toBe('30000/1001')
    expect(planFps({ fps: { num: 23_976, den: 1000 } })).toBe('24000/1001')
    expect(planFps({ fps: { num: 15, den: 1 } })).toBe('15/1')
  })

  test('a frame rate above 60 is divided by a whole number', () => {
    expect(planFps({ fps: { num: 120, den: 1 } })).toBe('60/1')
    expect(planFps({ fps: { num: 120_000, den: 1001 } })).toBe('60000/1001')
    expect(planFps({ fps: { num: 100, den: 1 } })).toBe('50/1')
    expect(planFps({ fps: { num: 240, den: 1 } })).toBe('60/1')
  })

  test('a frame rate below 1 becomes 1', () => {
    expect(planFps({ fps: { num: 1, den: 10 } })).toBe('1/1')
  })

  test('a variable frame rate becomes the rate of the timestamps, or the next standard rate above the average', () => {
    expect(planFps({ ...variable, fps: { num: 287, den: 10 }, rateOfTimes: { num: 30, den: 1 } })).toBe('30/1')
    expect(planFps({ ...variable, fps: { num: 287, den: 10 }, rateOfTimes: { num: 1000, den: 1 } })).toBe('30000/1001')
    expect(planFps({ ...variable, fps: { num: 130, den: 1 }, rateOfTimes: { num: 1000, den: 1 } })).toBe('60/1')
  })

  test('a GOP lasts about 2 s in segments, which hold a whole number of them, and 5 s in a single file', () => {
    expect(planOrThrow(createProbe({}), createHlsPreset(360)).video?.gopFrames).toBe(60)
    const ntsc = { fps: { num: 30_000, den: 1001 } }
    expect(planOrThrow(createProbe(ntsc), createHlsPreset(360)).video?.gopFrames).toBe(60)
    expect(planOrThrow(createProbe({ fps: { num: 1, den: 10 } }), createHlsPreset(360)).video?.gopFrames).toBe(2)
    expect(planOrThrow(createProbe({})).video?.gopFrames).toBe(150)
  })

  test('the orientation is recorded for an interlaced video that is rotated by a multiple of 90 degrees', () => {
    const orientationOf = (input: Partial<InputVideo>) => planOrThrow(createProbe(input)).input.video?.orientation
    const orientation = { rotation: 90, isMirrored: true }
    expect(orientationOf({ ...orientation, isInterlaced: true })).toEqual(orientation)
    expect(orientationOf({ isInterlaced: true })).toBeNull()
    expect(orientationOf({ isInterlaced: true, rotation: 45 })).toBeNull()
    expect(orientationOf(orientation)).toBeNull()
  })

  test('interlaced video is deinterlaced, and HDR video is tone-mapped from its own or the default colours', () => {
    const color = { transfer: 'arib-std-b67', primaries: null, space: null, range: null }
    const plan = planOrThrow(createProbe({ isInterlaced: true, isHdr: true, color }))
    expect(plan.video).toMatchObject({ isDeinterlaced: true, isToneMapped: true })
    expect(plan.input.video?.colors.hdr).toEqual({ transfer: 'arib-std-b67', primaries: 'bt2020', matrix: 'bt2020nc' })
  })
})

describe('audio', () => {
  test.each([
    [1, 1],
    [2, 2],
    [6, 2],
    [8, 2],
  ])('%i channels become %i', (channels, expected) => {
    expect(planOrThrow(createProbe({}, { channels })).audio?.channels).toBe(expected)
  })

  test.each([
    [44_100, 44_100],
    [48_000, 48_000],
    [22_050, 48_000],
    [96_000, 48_000],
  ])('%i Hz becomes %i', (sampleRate, expected) => {
    expect(planOrThrow(createProbe({}, { sampleRate })).audio?.sampleRate).toBe(expected)
  })
})

describe('tracks', () => {
  test('a track that the input or the preset lacks is left out', () => {
    expect(planOrThrow(createProbe({}, null))).toMatchObject({
      audio: null,
      inputHasAudio: false,
      input: { audio: null },
    })
    expect(planOrThrow(createProbe(null))).toMatchObject({ video: null, inputHasAudio: true, input: { video: null } })
    expect(planOrThrow(createProbe({}), createMp4Preset({ audio: null }))).toMatchObject({
      audio: null,
      inputHasAudio: true,
    })
  })

  test('an input without a usable track is rejected with the name of the missing track', () => {
    const failure = { code: 'INPUT_INVALID', is_transient: false }
    expect(findPlanProblem(createProbe({}, null), createMp4Preset({ video: null }))).toMatchObject({
      ...failure,
      message: expect.stringContaining('no audio track'),
    })
    expect(findPlanProblem(createProbe(null), createMp4Preset({ audio: null }))).toMatchObject({
      ...failure,
      message: expect.stringContaining('no video track'),
    })
  })
})

test('the media information of the API is that of the probe', () => {
  expect(toMediaInfo(createProbe({ fps: { num: 30_000, den: 1001 }, rotation: 90 }, null))).toEqual({
    format: 'mov',
    duration_sec: 10,
    size_bytes: 1000,
    bit_rate_kbps: 100,
    video: {
      codec: 'h264',
      width: 1280,
      height: 720,
      fps: 29.97,
      pix_fmt: 'yuv420p',
      bit_depth: 8,
      is_hdr: false,
      is_interlaced: false,
      rotation: 90,
    },
    audio: null,
    tracks: [],
  })
})
