import { describe, expect, test } from 'vitest'

import { toMediaInfo } from './media-info.ts'
import { hls, mp4, type Picture, planned, problem, source } from './testing/plans.ts'

function sizes(picture: Partial<Picture>, ...heights: number[]): string[] {
  const { video } = planned(source(picture), hls(...heights))
  return video?.renditions.map(({ width, height }) => `${width}x${height}`) ?? []
}

describe('sizes', () => {
  test('renditions taller than the source are left out, and the others numbered from the tallest', () => {
    const { video } = planned(source({}), hls(1080, 720, 480))
    expect(video?.renditions).toEqual([
      { index: 0, width: 1280, height: 720, crf: null, kbps: 2880 },
      { index: 1, width: 854, height: 480, crf: null, kbps: 1920 },
    ])
  })

  test('where all are taller, the smallest stays and is no larger than the source', () => {
    expect(sizes({ width: 320, height: 180 }, 720, 480, 360)).toEqual(['320x180'])
  })

  test('the height of a rendition is the shorter side of an upright picture', () => {
    expect(sizes({ width: 1080, height: 1920 }, 1080, 720)).toEqual(['1080x1920', '720x1280'])
  })

  test('odd sides become even, and never more than the source has', () => {
    expect(sizes({ width: 321, height: 181 }, 360)).toEqual(['320x180'])
    expect(sizes({ width: 1279, height: 719 }, 360)).toEqual(['640x360'])
  })

  test('a picture that is too small for the encoder is a problem of the input', () => {
    const av1 = mp4({ video: { codec: 'av1', speed: '8', renditions: [{ height: 1080, crf: 35 }] } })
    expect(problem(source({ width: 62, height: 200 }), av1)).toMatchObject({ code: 'INPUT_INVALID' })
    expect(planned(source({ width: 62, height: 200 })).video?.renditions[0]).toMatchObject({ width: 62, height: 200 })
    expect(problem(source({ width: 8, height: 200 }), mp4())).toMatchObject({ code: 'INPUT_INVALID' })
  })
})

describe('frames', () => {
  function fps(picture: Partial<Picture>): string {
    const { num, den } = planned(source(picture)).video?.fps ?? { num: 0, den: 0 }
    return `${num}/${den}`
  }
  const uneven = { isVariableFrameRate: true }

  test('an even source keeps its rate, told exactly where a file only has it about', () => {
    expect(fps({})).toBe('30/1')
    expect(fps({ fps: { num: 2997, den: 100 } })).toBe('30000/1001')
    expect(fps({ fps: { num: 23_976, den: 1000 } })).toBe('24000/1001')
    expect(fps({ fps: { num: 15, den: 1 } })).toBe('15/1')
  })

  test('of more than 60 a second every second, third or fourth is taken', () => {
    expect(fps({ fps: { num: 120, den: 1 } })).toBe('60/1')
    expect(fps({ fps: { num: 120_000, den: 1001 } })).toBe('60000/1001')
    expect(fps({ fps: { num: 100, den: 1 } })).toBe('50/1')
    expect(fps({ fps: { num: 240, den: 1 } })).toBe('60/1')
  })

  test('slower than one a second becomes one a second', () => {
    expect(fps({ fps: { num: 1, den: 10 } })).toBe('1/1')
  })

  test('an uneven source gets the rate of its time stamps, or the next usual one above its average', () => {
    expect(fps({ ...uneven, fps: { num: 287, den: 10 }, rateOfTimes: { num: 30, den: 1 } })).toBe('30/1')
    expect(fps({ ...uneven, fps: { num: 287, den: 10 }, rateOfTimes: { num: 1000, den: 1 } })).toBe('30000/1001')
    expect(fps({ ...uneven, fps: { num: 130, den: 1 }, rateOfTimes: { num: 1000, den: 1 } })).toBe('60/1')
  })

  test('key frames stand at 2 s in segments, a whole number of times in each', () => {
    expect(planned(source({}), hls(360)).video?.gopFrames).toBe(60)
    const ntsc = { fps: { num: 30_000, den: 1001 } }
    expect(planned(source(ntsc), hls(360)).video?.gopFrames).toBe(60)
    expect(planned(source({ fps: { num: 1, den: 10 } }), hls(360)).video?.gopFrames).toBe(2)
    expect(planned(source({})).video?.gopFrames).toBe(150)
  })

  test('of turned pictures those are turned back for a while that are interlaced, and by quarters', () => {
    const turnOf = (picture: Partial<Picture>) => planned(source(picture)).reading.picture?.turn
    const turn = { rotation: 90, isMirrored: true }
    expect(turnOf({ ...turn, isInterlaced: true })).toEqual(turn)
    expect(turnOf({ isInterlaced: true })).toBeNull()
    expect(turnOf({ isInterlaced: true, rotation: 45 })).toBeNull()
    expect(turnOf(turn)).toBeNull()
  })

  test('interlaced and HDR pictures are marked, with the colours to come from', () => {
    const color = { transfer: 'arib-std-b67', primaries: null, space: null, range: null }
    const plan = planned(source({ isInterlaced: true, isHdr: true, color }))
    expect(plan.video).toMatchObject({ isDeinterlaced: true, isToneMapped: true })
    expect(plan.reading.picture?.hdr).toEqual({ transfer: 'arib-std-b67', primaries: 'bt2020', matrix: 'bt2020nc' })
  })
})

describe('sound', () => {
  test.each([
    [1, 1],
    [2, 2],
    [6, 2],
    [8, 2],
  ])('%i channels become %i', (channels, expected) => {
    const { audio, reading } = planned(source({}, { channels }))
    expect(audio?.channels).toBe(expected)
    expect(reading.sound?.isMixedDown).toBe(channels > expected)
  })

  test.each([
    [44_100, 44_100],
    [48_000, 48_000],
    [22_050, 48_000],
    [96_000, 48_000],
  ])('%i Hz becomes %i', (sampleRate, expected) => {
    expect(planned(source({}, { sampleRate })).audio?.sampleRate).toBe(expected)
  })
})

describe('tracks', () => {
  test('what the source lacks is left out, and so is what the preset lacks', () => {
    expect(planned(source({}, null))).toMatchObject({ audio: null, sourceHasAudio: false, reading: { sound: null } })
    expect(planned(source(null))).toMatchObject({ video: null, sourceHasAudio: true, reading: { picture: null } })
    expect(planned(source({}), mp4({ audio: null }))).toMatchObject({ audio: null, sourceHasAudio: true })
  })

  test('nothing left is a problem of the input, and says what is missing', () => {
    const failure = { code: 'INPUT_INVALID', is_transient: false }
    expect(problem(source({}, null), mp4({ video: null }))).toMatchObject({
      ...failure,
      message: expect.stringContaining('no sound'),
    })
    expect(problem(source(null), mp4({ audio: null }))).toMatchObject({
      ...failure,
      message: expect.stringContaining('no picture'),
    })
  })
})

test('what the owner is told of an input is what was probed', () => {
  expect(toMediaInfo(source({ fps: { num: 30_000, den: 1001 }, rotation: 90 }, null))).toEqual({
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
  })
})
