import { expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { createStartCollector, type StartOptions } from './collect-start.ts'

const FRAME_MS = 40
const KEY_FRAME_MS = 2000

/** A frame of H.264 in FLV; presented when it is decoded. */
function frameAt(timestampMs: number): FlvTag {
  const kind = timestampMs % KEY_FRAME_MS === 0 ? 0x17 : 0x27
  return { type: TAG_TYPE.video, timestampMs, body: Buffer.from([kind, 1, 0, 0, 0, 0]) }
}

/** Reads frames from `firstMs` on until enough was read; returns the start, and the time of the last frame. */
function collect(options: StartOptions, firstMs: number) {
  const collector = createStartCollector(options)
  let atMs = firstMs
  for (; !collector.isComplete(); atMs += FRAME_MS) collector.add(frameAt(atMs))
  return { start: collector.read(), lastMs: atMs - FRAME_MS }
}

test('the start of an unknown source is read up to its second key frame', () => {
  const { start, lastMs } = collect({ fromMs: null, isKnown: false }, 0)
  expect(lastMs).toBe(2000)
  expect(start).toMatchObject({ startMs: 0, isAtKeyFrame: true, keyFrameTimesMs: [0, 2000] })
})

test('a worker that continues a session does not wait for a key frame that is yet to come: the one before counts', () => {
  const { start, lastMs } = collect({ fromMs: 8000, isKnown: false }, 6000)
  expect(lastMs).toBe(8000)
  expect(start).toMatchObject({ startMs: 8000, isAtKeyFrame: true, keyFrameTimesMs: [6000, 8000] })
  expect(start?.frameTimesMs.slice(0, 2)).toEqual([6000, 6040])
  expect(start?.tags).toHaveLength(1)
})

test('a start between two key frames is read from the key frame before, whose group was the only one kept', () => {
  const { start, lastMs } = collect({ fromMs: 7000, isKnown: false }, 6000)
  expect(start).toMatchObject({ startMs: 7000, isAtKeyFrame: false, keyFrameTimesMs: [6000, 8000] })
  expect(lastMs).toBe(8000)
})

/** Sound of AAC in FLV: its configuration, or a frame. */
function soundAt(timestampMs: number, kind: 'configuration' | 'frame' = 'frame'): FlvTag {
  return { type: TAG_TYPE.audio, timestampMs, body: Buffer.from([0xaf, kind === 'frame' ? 1 : 0, 0x12, 0x10]) }
}

test.each([
  ['is announced only', [], {}, false],
  ['was heard shortly before', [6900], {}, true],
  ['has stopped before', [5999], {}, false],
  ['was heard before, and does not go on', [6900, 7020], { isSilent: true }, false],
  ['goes on', [6900, 7020, 7500], { isSilent: true }, true],
])('sound that %s', (_name, soundsMs, options, hasAudio) => {
  const collector = createStartCollector({ fromMs: 7000, isKnown: false, ...options })
  collector.add(soundAt(6000, 'configuration'))
  for (let ms = 6000; ms <= 8000; ms += FRAME_MS) {
    for (const soundMs of soundsMs.filter((at) => at > ms - FRAME_MS && at <= ms)) collector.add(soundAt(soundMs))
    collector.add(frameAt(ms))
  }
  expect(collector.read()).toMatchObject({ startMs: 7000, hasAudio })
})

/** A configuration of H.264 in FLV, of a picture that the number stands for. */
function configurationAt(timestampMs: number, picture: number): FlvTag {
  return { type: TAG_TYPE.video, timestampMs, body: Buffer.from([0x17, 0, 0, 0, 0, picture]) }
}

test.each([0, 5, 6, 60, 200])(
  'a changed picture begins with its own configuration and key frame, also %d ms after the last segment',
  (gapMs) => {
    const collector = createStartCollector({ fromMs: 2000, isKnown: false })
    collector.add(configurationAt(0, 1))
    for (let ms = 0; ms < 2000; ms += FRAME_MS) collector.add(frameAt(ms))
    collector.add(configurationAt(2000, 2))
    for (let ms = 0; !collector.isComplete(); ms += FRAME_MS) {
      collector.add({ ...frameAt(ms), timestampMs: 2000 + gapMs + ms })
    }
    const start = collector.read()
    expect(start?.tags.slice(0, 2)).toEqual([configurationAt(2000, 2), { ...frameAt(0), timestampMs: 2000 + gapMs }])
    expect(start).toMatchObject({ startMs: 2000 + gapMs, isAtKeyFrame: true })
  },
)

test('frames of the last picture that are not encoded yet come before a changed one', () => {
  const collector = createStartCollector({ fromMs: 1000, isKnown: false })
  collector.add(configurationAt(0, 1))
  for (let ms = 0; ms < 2000; ms += FRAME_MS) collector.add(frameAt(ms))
  collector.add(configurationAt(2000, 2))
  collector.add(frameAt(2000))
  expect(collector.read()).toMatchObject({ startMs: 1000, isAtKeyFrame: false })
  expect(collector.read()?.tags[0]).toEqual(configurationAt(0, 1))
})

test('a picture that comes back after a pause is begun with, and not what was before it', () => {
  const collector = createStartCollector({ fromMs: 1040, isKnown: true })
  for (let ms = 0; ms <= 1000; ms += FRAME_MS) collector.add(frameAt(ms))
  collector.add(frameAt(30_000))
  expect(collector.read()).toMatchObject({ startMs: 30_000, isAtKeyFrame: true, frameTimesMs: [30_000] })
})

test('of a known source only the first frame is awaited', () => {
  expect(collect({ fromMs: 7000, isKnown: true }, 6000).lastMs).toBe(7000)
})
