import { describe, expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { createInputWatch } from './input-watch.ts'

const FRAME_MS = 40

function frameAt(timestampMs: number): FlvTag {
  return { type: TAG_TYPE.video, timestampMs, body: Buffer.from([0x17, 1, 0, 0, 0, 0]) }
}

function soundAt(timestampMs: number): FlvTag {
  return { type: TAG_TYPE.audio, timestampMs, body: Buffer.from([0xaf, 1, 0]) }
}

/** A configuration of a track's decoder, which the number stands for. */
function configuration(type: number, which: number): FlvTag {
  const body = type === TAG_TYPE.video ? [0x17, 0, 0, 0, 0, which] : [0xaf, 0, which]
  return { type, timestampMs: 0, body: Buffer.from(body) }
}

const pictures = (fromMs: number, untilMs: number) =>
  Array.from({ length: Math.ceil((untilMs - fromMs) / FRAME_MS) }, (_, i) => frameAt(fromMs + i * FRAME_MS))
const inOrder = (...tags: readonly FlvTag[]) => tags.toSorted((a, b) => a.timestampMs - b.timestampMs)

/** Returns the first change, and the time of its tag. */
function watch(tags: readonly FlvTag[], hasAudio: boolean, startMs = 0) {
  const inspect = createInputWatch({ startMs, hasAudio }, { hasAudio, frameRate: 1000 / FRAME_MS })
  for (const tag of tags) {
    const change = inspect(tag)
    if (change !== null) return [change, tag.timestampMs]
  }
  return null
}

describe('the configuration of a decoder', () => {
  const [first, other] = [configuration(TAG_TYPE.video, 1), configuration(TAG_TYPE.video, 2)]

  test('that is repeated is none', () => {
    expect(watch([first, ...pictures(0, 400), first, ...pictures(400, 800)], false)).toBeNull()
  })

  test('that is another one ends the run', () => {
    expect(watch([first, ...pictures(0, 400), other], false)).toEqual(['changed', 0])
  })

  test('that changes before the first frame of the run is taken', () => {
    expect(watch([first, ...pictures(0, 400), other, ...pictures(400, 800), other], false, 400)).toBeNull()
  })

  test('of sound that comes late is the first one, and of no interest where no sound is planned', () => {
    const sound = [configuration(TAG_TYPE.audio, 1), configuration(TAG_TYPE.audio, 2)]
    expect(watch([first, ...pictures(0, 400), ...sound.slice(0, 1)], true)).toBeNull()
    expect(watch([first, ...pictures(0, 400), ...sound], true)).toEqual(['changed', 0])
    expect(watch([first, ...pictures(0, 400), ...sound], false)).toBeNull()
  })
})

describe('sound', () => {
  test('that comes where none was planned ends the run', () => {
    expect(watch(inOrder(...pictures(0, 4000), soundAt(2000)), false)).toEqual(['changed', 2000])
  })

  test('that ends with the first frames is none', () => {
    expect(watch(inOrder(...pictures(0, 4000), soundAt(20)), false)).toBeNull()
    expect(watch(inOrder(...pictures(0, 4000), soundAt(20)), true)).toEqual(['silent', 3040])
  })

  test('that is late by less than three seconds is awaited', () => {
    const late = soundAt(2500)
    expect(watch([...pictures(0, 3000), late, ...pictures(3000, 9000)], true)).toBeNull()
  })

  test('may stop later', () => {
    expect(watch(inOrder(...pictures(0, 9000), soundAt(500)), true)).toBeNull()
  })
})

describe('a picture that stops', () => {
  const sounds = (fromMs: number, untilMs: number) =>
    Array.from({ length: Math.ceil((untilMs - fromMs) / 100) }, (_, i) => soundAt(fromMs + i * 100))

  test('for 1.4 seconds goes on within its segment, and after a longer pause in another run', () => {
    expect(watch([...pictures(0, 1000), frameAt(2360)], false)).toBeNull()
    expect(watch([...pictures(0, 1000), frameAt(2361)], false)).toEqual(['gap', 2361])
  })

  test('ends the run once its sound is three seconds ahead', () => {
    const tags = inOrder(...pictures(0, 1000), ...sounds(0, 9000), frameAt(8000))
    expect(watch(tags, true)).toEqual(['gap', 4000])
  })

  test('before the first frame of the run is of no interest', () => {
    expect(watch([frameAt(0), ...sounds(0, 30_000), ...pictures(30_000, 31_000)], true, 30_000)).toBeNull()
  })

  test('at a low frame rate is one that misses three frames', () => {
    const inspect = createInputWatch({ startMs: 0, hasAudio: false }, { hasAudio: false, frameRate: 1 })
    expect([0, 1000, 4000, 7001].map((ms) => inspect(frameAt(ms)))).toEqual([null, null, null, 'gap'])
  })
})
