import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { until } from '../../../shared/testing/until.ts'
import { buildFrame, framePast, type EncodedEntry } from './frame.ts'
import type { ChatReader, ReaderEnd } from './reader.ts'
import { createRecentEntries } from './recent-entries.ts'
import { openRoom } from './room.ts'
import { READ_LIMIT } from './room-readers.ts'

function entriesOf(from: number, to: number): EncodedEntry[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_one, i) => ({
    seq: from + i,
    json: `{"seq":${from + i}}`,
    isTip: false,
    isDeletion: false,
  }))
}

/** A chat in memory, that wakes its readers at each entry. */
function createSource(lastSeq = 0) {
  let last = lastSeq
  let onNews = () => {}
  let reads = 0
  return {
    add(count: number) {
      last += count
      onNews()
    },
    reads: () => reads,
    log: createLog('gateway', 'error', () => undefined),
    async readAfter(seq: number) {
      reads++
      return entriesOf(seq + 1, Math.min(last, seq + READ_LIMIT))
    },
    readLastSeq: async () => last,
    subscribe(listener: () => void) {
      onNews = listener
      return () => undefined
    },
  }
}

function createReader(isSlow = () => false) {
  const seqs: number[] = []
  const frames: Uint8Array[] = []
  const ends: ReaderEnd[] = []
  const reader: ChatReader = {
    viewer: null,
    begin: () => undefined,
    send(frame) {
      frames.push(frame.json())
      seqs.push(...frame.entries.map(({ seq }) => seq))
    },
    isSlow,
    end: (reason) => ends.push(reason),
  }
  return { reader, seqs, frames, ends }
}

const range = (from: number, to: number) => entriesOf(from, to).map(({ seq }) => seq)

test('a frame holds one entry, or an array of them, and is encoded once', () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const frame = buildFrame(entriesOf(1, 2))
  expect(text(frame.json())).toBe('[{"seq":1},{"seq":2}]')
  expect(text(buildFrame(entriesOf(5, 5)).json())).toBe('{"seq":5}')
  expect(text(frame.event())).toBe('id: 2\nevent: message\ndata: [{"seq":1},{"seq":2}]\n\n')
  expect(frame.json()).toBe(frame.json())
  expect(framePast(frame, 0)).toBe(frame)
  expect(framePast(frame, 1)?.entries).toEqual(entriesOf(2, 2))
  expect(framePast(frame, 2)).toBeNull()
})

test('what is kept for readers that come back is bounded, and never has a gap', () => {
  const recent = createRecentEntries(10)
  expect(recent.after(9)).toBeNull()
  expect(recent.after(10)).toEqual([])
  recent.add(entriesOf(11, 20))
  expect(recent.after(15)?.map(({ seq }) => seq)).toEqual(range(16, 20))
  recent.add(entriesOf(21, 9000))
  expect(recent.after(15)).toBeNull()
  expect(recent.after(8999)).toEqual(entriesOf(9000, 9000))
})

test('nothing is kept from before a deletion: it may be the text that is deleted', () => {
  const recent = createRecentEntries(0)
  const deletion = { seq: 4, json: '{"seq":4}', isTip: false, isDeletion: true }
  recent.add([...entriesOf(1, 3), deletion, ...entriesOf(5, 6)])
  expect([recent.after(0), recent.after(3), recent.after(4)]).toEqual([null, null, entriesOf(5, 6)])
})

test('readers get the same frames in one order: each what follows its own number, and nothing twice', async () => {
  const source = createSource(1200)
  const room = openRoom(source, () => undefined)
  const [now, old, ahead] = [createReader(), createReader(), createReader()]
  room.join(now.reader, null)
  room.join(old.reader, 50)
  // It has seen entries at another gateway that this one has not read yet.
  room.join(ahead.reader, 1203)
  await until(() => old.seqs.length === 1150, 'the old reader has caught up')
  source.add(6)
  source.add(700)
  await until(() => now.seqs.at(-1) === 1906 && old.seqs.at(-1) === 1906 && ahead.seqs.at(-1) === 1906, 'all have all')
  expect(now.seqs).toEqual(range(1201, 1906))
  expect(old.seqs).toEqual(range(51, 1906))
  expect(ahead.seqs).toEqual(range(1204, 1906))
  expect(now.frames.at(-1)).toBe(old.frames.at(-1))
})

test('a slow reader is dropped, and the others go on', async () => {
  const source = createSource()
  const room = openRoom(source, () => undefined)
  let isSlow = false
  const [slow, quick] = [createReader(() => isSlow), createReader()]
  room.join(slow.reader, null)
  room.join(quick.reader, null)
  await until(() => source.reads() > 0, 'the room reads')
  isSlow = true
  source.add(3)
  await until(() => quick.seqs.length === 3, 'the quick reader has all')
  expect([slow.seqs, slow.ends, quick.ends]).toEqual([[], ['slow'], []])
})

test('an empty room closes, and reads no more', async () => {
  const source = createSource()
  let closes = 0
  const room = openRoom(source, () => closes++)
  const leave = room.join(createReader().reader, null)
  await until(() => source.reads() > 0, 'the room reads')
  leave()
  await until(() => closes === 1, 'it is closed')
})

test('readers of a chat that cannot be read are sent away, to come back', async () => {
  const source = { ...createSource(), readAfter: () => Promise.reject(new Error('no database')) }
  let closes = 0
  const room = openRoom(source, () => closes++)
  const { reader, ends } = createReader()
  room.join(reader, null)
  await until(() => closes === 1, 'it is closed')
  expect(ends).toEqual(['failed'])
})
