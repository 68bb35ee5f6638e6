import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { makeClip } from './clips.ts'

const plain = { segmentSec: 2, fps: 30, size: '320x180', container: 'ts' } as const

test('a clip is cut into segments of the requested length, which its disposal removes', async () => {
  const clip = await makeClip(
    [
      { sec: 3, video: 'black' },
      { sec: 2.5, audio: 'silent' },
    ],
    plain,
  )
  expect(clip.segments.map((segment) => segment.durationSec)).toEqual([2, 2, 1.5])
  expect(clip).toMatchObject({ initPath: null, targetDurationSec: 2 })
  for (const { path } of clip.segments) expect((await readFile(path))[0]).toBe(0x47)
  await clip[Symbol.asyncDispose]()
  expect(existsSync(clip.dir)).toBe(false)
})

test('an fMP4 clip has an initialization segment', async () => {
  await using clip = await makeClip([{ sec: 4 }], { ...plain, container: 'fmp4', bFrames: 2 })
  expect(clip.segments).toHaveLength(2)
  expect((await readFile(clip.initPath ?? '')).subarray(4, 8).toString()).toBe('ftyp')
})

test('a clip can be made without a picture or without sound', async () => {
  await using sound = await makeClip([{ sec: 4, audio: -45 }], { ...plain, withVideo: false })
  await using picture = await makeClip([{ sec: 4, video: 'dark' }], { ...plain, withAudio: false })
  expect(sound.segments.length).toBeGreaterThanOrEqual(2)
  expect(picture.segments).toHaveLength(2)
})
