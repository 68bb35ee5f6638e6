import { describe, expect, test } from 'vitest'

import { createReplayBuffer, type KeptTag, type ReplayBuffer, type ReplayTag } from './replay-buffer.ts'

function tag(track: ReplayTag['track'], kind: ReplayTag['kind'], timestampMs: number, text = ''): ReplayTag {
  return { track, kind, timestampMs, bytes: Buffer.from(text || `${track} ${kind} ${timestampMs}`) }
}

/** Appends groups of two seconds: a key frame, a sound, and a frame after one second. */
function appendGroups(buffer: ReplayBuffer, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) {
    buffer.append(tag('video', 'key_frame', i * 2000))
    buffer.append(tag('audio', 'key_frame', i * 2000 + 10))
    buffer.append(tag('video', 'frame', i * 2000 + 1000))
  }
}

function listTimes(first: KeptTag | undefined): readonly number[] {
  const times: number[] = []
  for (let next: KeptTag | null | undefined = first; next; next = next.next) times.push(next.timestampMs)
  return times
}

const roomy = () => 1 << 20

describe('the replay buffer', () => {
  test('a reader begins with the newest key frame at or before its time, and misses nothing after it', () => {
    const buffer = createReplayBuffer(roomy)
    appendGroups(buffer, 3)
    expect(buffer.findStart(null)?.first.timestampMs).toBe(4000)
    expect(buffer.findStart(3999)?.first.timestampMs).toBe(2000)
    expect(buffer.findStart(4000)?.first.timestampMs).toBe(4000)
    expect(listTimes(buffer.findStart(2500)?.first)).toEqual([2000, 2010, 3000, 4000, 4010, 5000])
  })

  test('groups that the gateway knows are dropped, but never the newest complete one', () => {
    const buffer = createReplayBuffer(roomy)
    appendGroups(buffer, 4)
    buffer.trim(4000)
    expect(buffer.findStart(0)?.startMs).toBe(2000)
    buffer.trim(1_000_000)
    expect(buffer.findStart(0)?.startMs).toBe(4000)
  })

  test('a full buffer drops its oldest groups and counts them', () => {
    const buffer = createReplayBuffer(() => 3000)
    appendGroups(buffer, 100)
    expect(buffer.bytes()).toBeLessThanOrEqual(3000)
    expect(buffer.dropped()).toBeGreaterThan(90)
    expect(buffer.findStart(0)?.startMs).toBeGreaterThan(180_000)
  })

  test('a group that alone exceeds the bound is dropped, and the next key frame begins anew', () => {
    const buffer = createReplayBuffer(() => 3000)
    buffer.append(tag('video', 'key_frame', 0))
    for (let i = 1; i < 100; i++) buffer.append(tag('video', 'frame', i))
    expect(buffer.findStart(null)).toBeNull()
    expect(buffer.bytes()).toBe(0)
    appendGroups(buffer, 1, 1)
    expect(buffer.findStart(null)?.startMs).toBe(2000)
  })

  test('each group has the headers that were in force at its start, and later ones stand among its tags', () => {
    const buffer = createReplayBuffer(roomy)
    buffer.setMetadata(Buffer.from('metadata'))
    buffer.append(tag('video', 'header', 0, 'old'))
    buffer.append(tag('audio', 'header', 0, 'sound'))
    appendGroups(buffer, 1)
    buffer.append(tag('video', 'header', 1500, 'new'))
    appendGroups(buffer, 1, 1)
    const start = { metadata: Buffer.from('metadata'), video: Buffer.from('old'), audio: Buffer.from('sound') }
    expect(buffer.findStart(0)?.start).toEqual(start)
    expect(buffer.findStart(null)?.start).toEqual({ ...start, video: Buffer.from('new') })
    expect(listTimes(buffer.findStart(0)?.first)).toContain(1500)
  })

  test('a session with a picture begins with a key frame, though sound came before it', () => {
    const buffer = createReplayBuffer(roomy)
    buffer.append(tag('audio', 'key_frame', 0))
    expect(buffer.findStart(null)).toBeNull()
    buffer.append(tag('video', 'header', 0))
    buffer.append(tag('audio', 'key_frame', 20))
    buffer.append(tag('video', 'frame', 30))
    expect(buffer.findStart(null)).toBeNull()
    buffer.append(tag('video', 'key_frame', 40))
    expect(listTimes(buffer.findStart(0)?.first)).toEqual([40])
  })

  test('a session of sound only can be read from its begin, after its first second or its end', () => {
    const buffer = createReplayBuffer(roomy)
    for (let ms = 0; ms < 1000; ms += 100) buffer.append(tag('audio', 'key_frame', ms))
    expect(buffer.findStart(null)).toBeNull()
    buffer.append(tag('audio', 'key_frame', 1000))
    expect(buffer.findStart(0)?.startMs).toBe(0)
    const short = createReplayBuffer(roomy)
    short.append(tag('audio', 'key_frame', 0))
    short.end()
    expect(short.findStart(null)?.startMs).toBe(0)
  })
})
