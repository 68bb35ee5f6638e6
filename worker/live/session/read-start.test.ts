import { expect, test } from 'vitest'

import { createClock } from '../../platform/clock.ts'
import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { createTagQueue } from '../source/tag-queue.ts'
import { readStart } from './read-start.ts'

const FRAME_MS = 40
const never = new AbortController().signal

function frameAt(timestampMs: number): FlvTag {
  const kind = timestampMs % 2000 === 0 ? 0x17 : 0x27
  return { type: TAG_TYPE.video, timestampMs, body: Buffer.from([kind, 1, 0, 0, 0, 0]) }
}

const soundAt = (timestampMs: number): FlvTag => ({
  type: TAG_TYPE.audio,
  timestampMs,
  body: Buffer.from([0xaf, 1, 0]),
})

test('a picture that comes after a long wait is read as far as any other, so that it can be passed through', async () => {
  const tags = createTagQueue(createClock())
  const sounds = Array.from({ length: 600 }, (_, i) => soundAt(i * 20))
  const frames = Array.from({ length: 60 }, (_, i) => frameAt(12_000 + i * FRAME_MS))
  void tags.add([...sounds, ...frames])
  // Each tag takes a while.
  let nowMs = 0
  const clock = { ...createClock(), nowMs: () => (nowMs += 10) }
  const problems: (string | null)[] = []
  const health = { setProblem: (problem: string | null) => problems.push(problem) }
  const broadcast = { clock, health, stopping: never, ended: never }
  const reading = await readStart(broadcast, tags, { fromMs: null, isKnown: false, isCurrent: () => true })
  expect(problems).toContain('the encoder sends no picture')
  expect(reading).toMatchObject({ kind: 'start', start: { startMs: 12_000, keyFrameTimesMs: [12_000, 14_000] } })
})
