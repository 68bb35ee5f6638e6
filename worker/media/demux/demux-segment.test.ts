import { readFile } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Clip, makeClip } from '../../../shared/testing/clips.ts'
import { demuxSegment, type DemuxResult } from './demux-segment.ts'

const packet = Buffer.concat([Buffer.from([0x47]), Buffer.alloc(187)])
/** 300 bytes: the size's seven-bit digits are 2 and 44. */
const id3 = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x02\x2c', 'latin1'), Buffer.alloc(300)])
/** ADTS frames of 16 bytes: AAC-LC of 48 kHz and one channel. */
const adts = Buffer.concat(Array.from({ length: 3 }, () => Buffer.from('fff14c400200fc' + '00'.repeat(9), 'hex')))

function demux(bytes: Uint8Array, map: Uint8Array | null = null) {
  const result: DemuxResult = demuxSegment({ bytes, map }, null)
  if (result.kind === 'other') throw new Error(result.problem)
  return result.media
}

describe.each(['ts', 'fmp4'] as const)('a segment of %s', (container) => {
  let clip: Clip
  let bytes: Buffer
  let map: Buffer | null
  beforeAll(async () => {
    clip = await makeClip([{ sec: 2 }], { segmentSec: 2, gopSec: 1, fps: 10, size: '160x90', container, bFrames: 2 })
    bytes = await readFile(clip.segments[0]?.path ?? '')
    map = clip.initPath === null ? null : await readFile(clip.initPath)
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  test('has every packet with its time, and the formats', () => {
    const { picture, sound, isCut } = demux(bytes, map)
    const times = picture.packets.map(({ sec }) => sec).toSorted((a, b) => a - b)
    const first = times[0] ?? Number.NaN
    expect(times.map((sec) => Math.round((sec - first) * 100))).toEqual(Array.from({ length: 20 }, (_, i) => 10 * i))
    expect(picture.packets.flatMap(({ isIndependent }, i) => (isIndependent ? [i] : []))).toEqual([0, 10])
    expect(picture.packets[0]?.format).toMatchObject({ codec: 'h264', width: 160, height: 90 })
    expect(sound.packets[0]?.format).toMatchObject({ codec: 'aac', sampleRate: 48_000 })
    expect(sound.packets.length).toBeGreaterThanOrEqual(93)
    expect(isCut).toBe(false)
  })

  test('that is cut says so and keeps what is before', () => {
    const { picture, isCut } = demux(bytes.subarray(0, bytes.length * 0.7), map)
    expect(isCut).toBe(true)
    expect(picture.packets.length).toBeGreaterThan(5)
  })

  test('that is damaged anywhere is still read without an error', () => {
    for (let at = 0; at < bytes.length; at += 97) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8((damaged[at] ?? 0) ^ 0xff, at)
      expect(demuxSegment({ bytes: damaged, map }, null).kind).toMatch(/demuxed|other/)
    }
  })
})

describe('a transport stream', () => {
  let clip: Clip
  let bytes: Buffer
  beforeAll(async () => {
    clip = await makeClip([{ sec: 1 }], { segmentSec: 1, fps: 10, size: '160x90', container: 'ts' })
    bytes = await readFile(clip.segments[0]?.path ?? '')
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  const counts = ({ picture, sound }: ReturnType<typeof demux>) => [picture.packets.length, sound.packets.length]

  test('is read after bytes that are no packets, and past such bytes in it', () => {
    const whole = counts(demux(bytes))
    expect(counts(demux(Buffer.concat([Buffer.alloc(376, 0xff), bytes])))).toEqual(whole)
    const at = 188 * 4
    expect(counts(demux(Buffer.concat([bytes.subarray(0, at), Buffer.alloc(50, 1), bytes.subarray(at)])))).toEqual(
      whole,
    )
  })

  test('is read with 192 and 204 bytes per packet', () => {
    const packets = Array.from({ length: bytes.length / 188 }, (_, i) => bytes.subarray(188 * i, 188 * (i + 1)))
    const whole = counts(demux(bytes))
    expect(counts(demux(Buffer.concat(packets.flatMap((each) => [Buffer.alloc(4), each]))))).toEqual(whole)
    expect(counts(demux(Buffer.concat(packets.flatMap((each) => [each, Buffer.alloc(16)]))))).toEqual(whole)
  })
})

test('packed audio is found after several tags and after other bytes, and tags in it are skipped', () => {
  for (const bytes of [adts, Buffer.concat([id3, id3, adts]), Buffer.concat([id3, Buffer.alloc(70, 7), adts])]) {
    const { picture, sound } = demux(bytes)
    expect(picture).toEqual({ packets: [], isDeclared: false })
    expect(sound.packets.map(({ sec }) => sec)).toEqual([0, 1024 / 48_000, 2048 / 48_000])
  }
  expect(demux(Buffer.concat([adts, id3, adts])).sound.packets).toHaveLength(6)
})

test.each<[string, Uint8Array, string]>([
  ['an empty segment', new Uint8Array(), 'segment is empty'],
  ['a playlist', Buffer.from('\n#EXTM3U\n'), 'segment is a playlist'],
  ['a page', Buffer.from('<!doctype html>'), 'segment is a page, not media'],
  ['an ID3 tag without sound', id3, 'segment is in no known media format'],
  ['a truncated ID3 tag', id3.subarray(0, 8), 'segment is in no known media format'],
  ['one byte of a packet', packet.subarray(0, 1), 'segment is in no known media format'],
  [
    'text that begins like a transport stream',
    Buffer.from(`G${' '.repeat(300)}`),
    'segment is in no known media format',
  ],
  [
    'a fragment without its start',
    Buffer.from('\0\0\0\x08moof\0\0\0\x08mdat'),
    'segment has no initialization section',
  ],
])('%s is not media', (_, bytes, problem) => {
  expect(demuxSegment({ bytes, map: null }, null)).toEqual({ kind: 'other', problem })
})

/** A box of MP4 with a body of zeros. */
function makeBox(type: string, bodyBytes: number): Buffer {
  const box = Buffer.alloc(8 + bodyBytes)
  box.writeUInt32BE(box.length)
  box.write(type, 4, 'latin1')
  return box
}

describe('a fragment is found', () => {
  let clip: Clip
  let bytes: Buffer
  let map: Buffer
  beforeAll(async () => {
    clip = await makeClip([{ sec: 1 }], { segmentSec: 1, fps: 10, size: '160x90', container: 'fmp4' })
    bytes = await readFile(clip.segments[0]?.path ?? '')
    map = await readFile(clip.initPath ?? '')
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  test.each(['uuid', 'ssix', 'sidx', 'emsg', 'free', 'skip', 'prft', 'styp', 'pdin', 'wxyz'])(
    'after %s boxes',
    (type) => {
      const { picture } = demux(Buffer.concat([makeBox(type, 24), makeBox(type, 5), bytes]), map)
      expect(picture.packets).toHaveLength(10)
    },
  )

  test('only after what are boxes', () => {
    for (const other of [makeBox('\x01\x02\x03\x04', 24), Buffer.alloc(40), makeBox('uuid', 24).subarray(0, 20)]) {
      const result = demuxSegment({ bytes: Buffer.concat([other, bytes]), map }, null)
      expect(result).toEqual({ kind: 'other', problem: 'segment is in no known media format' })
    }
  })
})
