import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { Preset } from '../../shared/contract/presets.ts'
import type { Probe } from '../platform/probed-media.ts'
import { toMediaInfo } from './media-info.ts'
import { planOutput } from './plan.ts'

type Picture = NonNullable<Probe['video']>

const PICTURE: Picture = {
  index: 0,
  codec: 'h264',
  width: 1280,
  height: 720,
  rotation: 0,
  fps: { num: 30, den: 1 },
  rateOfTimes: { num: 30, den: 1 },
  isVariableFrameRate: false,
  isInterlaced: false,
  bitDepth: 8,
  pixFmt: 'yuv420p',
  color: { transfer: null, primaries: null, space: null, range: null },
  isHdr: false,
  startSec: 0,
  durationSec: 10,
}
const SOUND = { index: 1, codec: 'aac', channels: 2, sampleRate: 48_000, startSec: 0, durationSec: 10 }
const FILE = { format: 'mov', durationSec: 10, sizeBytes: 1000, bitRateKbps: 100, startSec: 0 }

function source(picture: Partial<Picture> | null, sound: Partial<typeof SOUND> | null = {}): Probe {
  return {
    ...FILE,
    video: picture === null ? null : { ...PICTURE, ...picture },
    audio: sound === null ? null : { ...SOUND, ...sound },
  }
}

const AUDIO = { codec: 'aac', kbps: 128 }

function hls(...heights: number[]): Preset {
  const renditions = heights.map((height) => ({ height, kbps: height * 4 }))
  const video = { codec: 'h264', speed: 'fast', renditions }
  return v.parse(Preset, { description: 'x', container: 'hls', segment_sec: 6, video, audio: AUDIO })
}

function mp4(fields: object = {}): Preset {
  const video = { codec: 'h264', speed: 'fast', renditions: [{ height: 1080, crf: 23 }] }
  return v.parse(Preset, { description: 'x', container: 'mp4', video, audio: AUDIO, ...fields })
}

function planned(
  probe: Probe,
  preset: Preset = mp4(),
  clip: { start_sec: number; duration_sec: number } | null = null,
) {
  const result = planOutput(probe, preset, clip)
  if (result.kind !== 'planned') throw new Error(result.failure.message)
  return result.plan
}

function problem(probe: Probe, preset: Preset, clip: { start_sec: number; duration_sec: number } | null = null) {
  const result = planOutput(probe, preset, clip)
  return result.kind === 'problem' ? result.failure : null
}

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
    expect(planned(source({}, { channels })).audio?.channels).toBe(expected)
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
    const seekOf = (format: string, picture: Partial<Picture> | null, sound: Partial<typeof SOUND> = long) =>
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
