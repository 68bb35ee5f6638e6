import { describe, expect, test } from 'vitest'

import type { SourceVideo } from './source-facts.ts'
import { countDroppable, leastSegmentMs, partMs, type PlanRequest, planRun } from './plan-run.ts'

const LADDER = [
  { height: 1080, video_kbps: 5000 },
  { height: 720, video_kbps: 2800 },
  { height: 480, video_kbps: 1200 },
  { height: 360, video_kbps: 700 },
]
const VIDEO: SourceVideo = {
  codec: 'h264',
  pixelFormat: 'yuv420p',
  width: 1920,
  height: 1080,
  pixelAspect: 1,
  isInterlaced: false,
  isCopyable: true,
  frameRate: 30,
  keyFrameTimesMs: [0, 2000],
}

function plan(video: Partial<SourceVideo> = {}, request: Partial<PlanRequest> = {}) {
  return planRun({
    ladder: LADDER,
    video: { ...VIDEO, ...video },
    hasAudio: true,
    hasRegularKeyFrames: true,
    isAtKeyFrame: true,
    droppedRungs: 0,
    ...request,
  })
}

const sizesOf = ({ rungs }: ReturnType<typeof plan>) => rungs.map(({ width, height }) => `${width}x${height}`)

describe('the ladder', () => {
  test.each([
    [1920, 1080, ['1920x1080', '1280x720', '854x480', '640x360']],
    [1280, 720, ['1280x720', '854x480', '640x360']],
    [1600, 900, ['1600x900', '1280x720', '854x480', '640x360']],
    [320, 180, ['320x180']],
    [2560, 1440, ['1920x1080', '1280x720', '854x480', '640x360']],
    [1080, 1920, ['1080x1920', '720x1280', '480x854', '360x640']],
    [720, 1280, ['720x1280', '480x854', '360x640']],
    [1440, 1920, ['1080x1440', '720x960', '480x640', '360x480']],
    [540, 960, ['540x960', '480x854', '360x640']],
    [1080, 1080, ['1080x1080', '720x720', '480x480', '360x360']],
    [641, 361, ['640x360']],
  ])('of a source of %i x %i', (width, height, sizes) => {
    expect(sizesOf(plan({ width, height }))).toEqual(sizes)
  })

  test('has square pixels', () => {
    expect(sizesOf(plan({ width: 1440, pixelAspect: 4 / 3 }, { hasRegularKeyFrames: false }))[1]).toBe('1280x720')
  })

  test('is named by the shorter side, and has the bit rates of the same picture on its side', () => {
    const upright = plan({ width: 1080, height: 1920 })
    expect(upright.rungs.map(({ name }) => name)).toEqual(['1080', '720', '480', '360'])
    expect(upright.rungs.map(({ videoKbps }) => videoKbps)).toEqual(plan().rungs.map(({ videoKbps }) => videoKbps))
  })

  test('has a bit rate between its neighbours for a height between two rungs', () => {
    const [own] = plan({ width: 1600, height: 900 }).rungs
    expect(own?.videoKbps).toBeGreaterThan(2800)
    expect(own?.videoKbps).toBeLessThan(5000)
  })
})

describe('the source is passed through', () => {
  test('as the highest rung where players can play it and its key frames divide segments', () => {
    expect(plan()).toMatchObject({ isPassedThrough: true, keyFrames: 'source', isBridge: false })
    expect(plan().rungs.map(({ isCopy }) => isCopy)).toEqual([true, false, false, false])
  })

  test.each([
    [1080, 1920],
    [720, 1280],
    [540, 960],
  ])('also where it is upright: %i x %i', (width, height) => {
    const upright = plan({ width, height })
    expect(upright).toMatchObject({ isPassedThrough: true })
    expect(upright.rungs[0]).toMatchObject({ name: String(width), width, height, isCopy: true })
  })

  test.each<[string, Partial<SourceVideo>, Partial<PlanRequest>]>([
    ['of another codec', { codec: 'hevc' }, {}],
    ['with 10 bits', { pixelFormat: 'yuv420p10le' }, {}],
    ['with full colour', { pixelFormat: 'yuv444p' }, {}],
    ['interlaced', { isInterlaced: true }, {}],
    ['without decoding times', { isCopyable: false }, {}],
    ['with irregular key frames', {}, { hasRegularKeyFrames: false }],
    ['above the ladder', { width: 2560, height: 1440 }, {}],
    ['above the ladder, upright', { width: 1440, height: 2560 }, {}],
    ['begun between key frames', {}, { isAtKeyFrame: false }],
  ])('but not one %s', (_name, video, request) => {
    expect(plan(video, request)).toMatchObject({ isPassedThrough: false })
  })

  test('after a bridge where the run begins between key frames', () => {
    expect(plan({}, { isAtKeyFrame: false })).toMatchObject({ isBridge: true, keyFrames: 'source' })
    expect(plan({ codec: 'hevc' }, { isAtKeyFrame: false })).toMatchObject({ isBridge: false })
  })
})

describe('rungs that are left out', () => {
  test('are the highest ones that cost time', () => {
    const encoded = plan({}, { droppedRungs: 1, hasRegularKeyFrames: false })
    expect(encoded.rungs.map(({ name }) => name)).toEqual(['720', '480', '360'])
    expect(encoded.isTopRungDropped).toBe(true)
    expect(plan({}, { droppedRungs: 1 }).rungs.map(({ name }) => name)).toEqual(['1080', '480', '360'])
  })

  test('are never all of them: the lowest one stays, or the copied one, which costs next to nothing', () => {
    const last = plan({}, { droppedRungs: 9, hasRegularKeyFrames: false })
    expect(last.rungs.map(({ name }) => name)).toEqual(['360'])
    expect(countDroppable(last)).toBe(0)
    const copied = plan({}, { droppedRungs: 9 })
    expect(copied.rungs.map(({ name }) => name)).toEqual(['1080'])
    expect(countDroppable(copied)).toBe(0)
  })
})

test.each([
  [30, 333.333],
  [25, 320],
  [30_000 / 1001, 333.667],
  [60, 333.333],
  [50, 320],
  [24, 333.333],
  [1, 1000],
])('parts at %d frames per second last %d ms', (frameRate, ms) => {
  expect(partMs(plan({ frameRate }))).toBeCloseTo(ms, 2)
})

test('a segment is complete half a frame before two seconds', () => {
  expect(leastSegmentMs(plan({ frameRate: 25 }))).toBe(1979)
})
