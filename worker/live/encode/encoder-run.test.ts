import { describe, expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration } from '../flv/tag-payload.ts'
import { partMs } from '../plan/plan-run.ts'
import { type CounterClip, makeCounterClip, makeEnhancedClip } from '../testing/counter-clip.ts'
import { makeFlvClip } from '../testing/flv-clip.ts'
import { type EncodedClip, encodeClip } from '../testing/encode-clip.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** Checks what holds for every run that encodes a whole clip. */
async function expectWhole(encoded: EncodedClip, clip: CounterClip): Promise<void> {
  expect(encoded.end).toEqual({ kind: 'ended' })
  expect(encoded.segments.reduce((sum, { frames }) => sum + frames, 0)).toBe(clip.frames)
  for (const rung of encoded.plan.rungs.keys()) {
    expect(await encoded.readFrames(rung)).toEqual(numbers(0, clip.frames))
    for (const { segment, rungs } of encoded.segments) {
      const parts = encoded.parts.filter((entry) => entry.rung === rung && entry.part.segment === segment)
      expect(Buffer.concat(parts.map(({ part }) => part.bytes))).toEqual(Buffer.concat(rungs[rung]?.parts ?? []))
      expect(parts.map(({ part }) => part.part)).toEqual(numbers(0, parts.length))
      expect(parts[0]?.part.isIndependent).toBe(true)
    }
  }
  const longestSec = Math.max(...encoded.parts.map(({ part }) => part.durationSec))
  expect(longestSec).toBeLessThanOrEqual(0.335)
  expect(longestSec).toBeGreaterThan((partMs(encoded.plan) - 2) / 1000)
}

describe('segments of two seconds, from a source that is passed through', () => {
  test.each([
    { fps: '30', keyFrameSec: 2, bFrames: 0 },
    { fps: '25', keyFrameSec: 1, bFrames: 2 },
    { fps: '30000/1001', keyFrameSec: 2, bFrames: 2 },
    { fps: '60', keyFrameSec: 0.5, bFrames: 0 },
  ])('$fps frames per second, key frames every $keyFrameSec s, $bFrames B-frames', async (options) => {
    const clip = await makeCounterClip({ sec: 5, ...options })
    const encoded = await encodeClip(clip)
    expect(encoded.plan).toMatchObject({ isPassedThrough: true, keyFrames: 'source' })
    await expectWhole(encoded, clip)
    for (const { startMs, endMs } of encoded.segments.slice(0, -1))
      expect(Math.abs(endMs - startMs - 2000)).toBeLessThanOrEqual(1000 / encoded.plan.frameRate + 1)
  })
})

describe('segments of two seconds, from a source that has to be encoded', () => {
  test.each([
    { fps: '30', keyFrameSec: 3, bFrames: 2 },
    { fps: '30000/1001', keyFrameSec: 10, bFrames: 0 },
    { fps: '24', keyFrameSec: 2, bFrames: 0, pixelFormat: 'yuv444p' },
  ])('$fps frames per second, key frames every $keyFrameSec s, $bFrames B-frames', async (options) => {
    const clip = await makeCounterClip({ sec: 5, ...options })
    const encoded = await encodeClip(clip)
    expect(encoded.plan.isPassedThrough).toBe(false)
    await expectWhole(encoded, clip)
    for (const { startMs, endMs } of encoded.segments.slice(0, -1))
      expect(Math.abs(endMs - startMs - 2000)).toBeLessThanOrEqual(1000 / encoded.plan.frameRate + 1)
  })
})

test.each([
  { video: 'hevc', sound: 'opus' },
  { video: 'av1', sound: 'aac' },
  { video: 'h264', sound: 'opus' },
] as const)('$video with $sound, as Enhanced RTMP sends them, are encoded, no frame lost', async (codecs) => {
  const clip = await makeEnhancedClip(4, codecs)
  const encoded = await encodeClip(clip)
  expect(encoded.plan).toMatchObject({ isPassedThrough: false, hasAudio: true, keyFrames: 'source' })
  await expectWhole(encoded, clip)
})

test('a run that begins between key frames begins with exactly the frame at that time', async () => {
  const clip = await makeCounterClip({ sec: 6, fps: '30', keyFrameSec: 3, bFrames: 2 })
  const whole = await encodeClip(clip, { cutBeforeMs: 3500 })
  expect(whole.end).toEqual({ kind: 'cut' })
  const endMs = whole.segments.at(-1)?.endMs ?? 0
  const first = await whole.readFrames(0)

  const rest = await encodeClip(clip, { fromMs: endMs })
  expect(rest.start).toMatchObject({ startMs: endMs, isAtKeyFrame: false })
  expect([...first, ...(await rest.readFrames(1))]).toEqual(numbers(0, clip.frames))
})

test('a bridge from between key frames ends at a key frame, from where the source is passed through', async () => {
  const clip = await makeCounterClip({ sec: 5, fps: '30', keyFrameSec: 2 })
  const encoded = await encodeClip(clip, { fromMs: 1023, cutBeforeMs: 3500 })
  expect(encoded.plan).toMatchObject({ isBridge: true, isPassedThrough: false })
  const [bridge] = encoded.segments
  const rest = await encodeClip(clip, { fromMs: bridge?.endMs ?? 0 })
  expect(rest.plan).toMatchObject({ isBridge: false, isPassedThrough: true })
  const all = [...(await encoded.readFrames(0, encoded.segments.slice(0, 1))), ...(await rest.readFrames(0))]
  expect(all).toEqual(numbers(30, clip.frames))
})

test('a rung that is left out leaves the others as they are', async () => {
  const clip = await makeCounterClip({ sec: 3, fps: '30', height: 360 })
  const ladder = [360, 180, 90].map((height) => ({ height, video_kbps: height }))
  const encoded = await encodeClip(clip, { ladder, droppedRungs: 1 })
  expect(encoded.plan).toMatchObject({ isPassedThrough: true, isTopRungDropped: true })
  expect(encoded.plan.rungs.map(({ name }) => name)).toEqual(['360', '90'])
  expect(await encoded.readFrames(1)).toEqual(numbers(0, clip.frames))
})

test('a source without sound has rungs without sound', async () => {
  const clip = await makeCounterClip({ sec: 3, fps: '30', withAudio: false })
  const encoded = await encodeClip(clip)
  expect(encoded.inits.map(({ codecs }) => codecs.split(',').length)).toEqual([1, 1])
  expect(await encoded.readFrames(1)).toEqual(numbers(0, clip.frames))
})

test('sound that is announced and does not come is not waited for', async () => {
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  const tags = clip.tags.filter((tag) => tag.type !== TAG_TYPE.audio || isConfiguration(tag))
  const encoded = await encodeClip({ ...clip, tags })
  expect(encoded.end).toEqual({ kind: 'ended' })
  expect(encoded.inits.map(({ codecs }) => codecs.split(',').length)).toEqual([1, 1])
  expect(await encoded.readFrames(1)).toEqual(numbers(0, clip.frames))
})

test('a run whose sound has stopped just before it ends without a segment, and is begun again without sound', async () => {
  const clip = await makeCounterClip({ sec: 6, fps: '30' })
  const tags = clip.tags.filter((tag) => tag.type !== TAG_TYPE.audio || tag.timestampMs < 1700)
  const first = await encodeClip({ ...clip, tags }, { fromMs: 2000 })
  expect([first.end, first.segments]).toEqual([{ kind: 'silent' }, []])
  const second = await encodeClip({ ...clip, tags }, { fromMs: 2000, isSilent: true })
  expect(second.plan.hasAudio).toBe(false)
  expect(await second.readFrames(1)).toEqual(numbers(60, clip.frames))
})

test('a picture that stops while its sound goes on ends its segment, and begins the next run', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  const isSent = ({ type, timestampMs }: FlvTag) => type !== TAG_TYPE.video || timestampMs < 3000 || timestampMs >= 8000
  const tags = clip.tags.filter(isSent)
  const first = await encodeClip({ ...clip, tags })
  expect(first.end).toEqual({ kind: 'gap' })
  expect(await first.readFrames(1)).toEqual(numbers(0, 90))
  const endMs = first.segments.at(-1)?.endMs ?? 0
  expect(Math.abs(endMs - 3000)).toBeLessThanOrEqual(70)
  const second = await encodeClip({ ...clip, tags }, { fromMs: endMs })
  expect(second.start).toMatchObject({ isAtKeyFrame: true })
  expect(await second.readFrames(1)).toEqual(numbers(240, clip.frames))
})

test('codecs, sizes and clocks of rungs are as declared', async () => {
  const clip = await makeCounterClip({ sec: 3, fps: '30', keyFrameSec: 3 })
  const { inits } = await encodeClip(clip)
  expect(inits.map(({ codecs }) => codecs)).toEqual([
    expect.stringMatching(/^avc1\.6400[0-9a-f]{2},mp4a\.40\.2$/),
    expect.stringMatching(/^avc1\.6400[0-9a-f]{2},mp4a\.40\.2$/),
  ])
  expect(inits.map(({ tracks }) => tracks[0]?.size)).toEqual([
    { width: 320, height: 180 },
    { width: 160, height: 90 },
  ])
})

test('an upright picture is passed through, and has rungs of the shorter sides of the ladder', async () => {
  const video = [
    '-vf',
    'scale=360:640,setsar=1',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '25',
  ]
  await using upright = await makeFlvClip({ sec: 3, video })
  const ladder = [
    { height: 360, video_kbps: 800 },
    { height: 180, video_kbps: 300 },
  ]
  const { plan, inits, end } = await encodeClip({ tags: upright.tags, frames: 75, durationMs: 3000 }, { ladder })
  expect([end, plan.isPassedThrough]).toEqual([{ kind: 'ended' }, true])
  expect(plan.rungs.map(({ name }) => name)).toEqual(['360', '180'])
  expect(inits.map(({ tracks }) => tracks[0]?.size)).toEqual([
    { width: 360, height: 640 },
    { width: 180, height: 320 },
  ])
  // Level 1.2 of H.264, as on its side: 6,000 macroblocks a second.
  expect(inits[1]?.codecs).toBe('avc1.64000c,mp4a.40.2')
})

test('a run ends where the encoder changes its picture, and the next one begins with the first new frame', async () => {
  const before = await makeCounterClip({ sec: 3, fps: '30' })
  const after = await makeCounterClip({ sec: 3, fps: '30', height: 360 })
  const shift = before.durationMs + 40
  const later = after.tags.map((tag) => ({ ...tag, timestampMs: tag.timestampMs + shift }))
  const clip = { ...before, tags: [...before.tags, ...later] }
  const first = await encodeClip(clip)
  expect(first.end).toEqual({ kind: 'changed' })
  expect(await first.readFrames(1)).toEqual(numbers(0, before.frames))

  const second = await encodeClip(clip, { fromMs: first.segments.at(-1)?.endMs ?? 0 })
  expect(second.plan.rungs.map(({ name }) => name)).toEqual(['180', '90'])
  expect(await second.readFrames(1)).toEqual(numbers(0, after.frames))
})
