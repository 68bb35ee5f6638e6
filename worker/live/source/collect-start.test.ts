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

test('of a known source only the first frame is awaited', () => {
  expect(collect({ fromMs: 7000, isKnown: true }, 6000).lastMs).toBe(7000)
})
