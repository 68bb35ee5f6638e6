import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Clip, makeClip } from '../../../shared/testing/clips.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { demuxFragmentedMp4 } from './fragmented-mp4.ts'
import type { DemuxedSegment } from './media-packet.ts'

/** Bytes that precede the boxes in those that hold others. */
const HEADER_BYTES = new Map([
  ...['moof', 'traf', 'moov', 'trak', 'mdia', 'minf', 'stbl', 'mvex'].map((type) => [type, 8] as const),
  ['stsd', 16],
])

type PlacedBox = { readonly type: string; readonly at: number; readonly size: number }

/** Lists boxes and those within them, each by its position. */
function listBoxes(bytes: Buffer, from = 0, to = bytes.length): PlacedBox[] {
  if (from >= to) return []
  const box = { type: bytes.toString('latin1', from + 4, from + 8), at: from, size: bytes.readUInt32BE(from) }
  const headerBytes = HEADER_BYTES.get(box.type)
  const inner = headerBytes === undefined ? [] : listBoxes(bytes, from + headerBytes, from + box.size)
  return [box, ...inner, ...listBoxes(bytes, from + box.size, to)]
}

/** Returns a copy of which a function changes every box of a type. */
function changeBoxes(source: Buffer, type: string, change: (bytes: Buffer, at: number, index: number) => void): Buffer {
  const bytes = Buffer.from(source)
  const boxes = listBoxes(bytes).filter((box) => box.type === type)
  for (const [index, { at }] of boxes.entries()) change(bytes, at, index)
  return bytes
}

/** Returns a copy with further bytes at the end of the first box of a type. */
function appendToBox(source: Buffer, type: string, added: Buffer): Buffer {
  const boxes = listBoxes(source)
  const box = boxes.find((candidate) => candidate.type === type)
  if (box === undefined) throw new Error(`there is no ${type} box`)
  const end = box.at + box.size
  const bytes = Buffer.from(source)
  const around = boxes.filter(({ at, size }) => at <= box.at && at + size >= end)
  for (const { at, size } of around) bytes.writeUInt32BE(size + added.length, at)
  return Buffer.concat([bytes.subarray(0, end), added, bytes.subarray(end)])
}

const BASE_IS_MOOF = 0x020000
/** Lets the data of each track fragment but the first count from the end of the data before it. */
function countFromDataBefore(source: Buffer): Buffer {
  const unbased = changeBoxes(source, 'tfhd', (bytes, at) => {
    bytes.writeUInt32BE(bytes.readUInt32BE(at + 8) & ~BASE_IS_MOOF, at + 8)
  })
  return changeBoxes(unbased, 'trun', (bytes, at, index) => {
    if (index % 2 === 1) bytes.writeInt32BE(0, at + 16)
  })
}

/** Returns the timescales of an initialization section's tracks. */
function readTimescales(init: Buffer): number[] {
  return listBoxes(init).flatMap(({ type, at }) => (type === 'mdhd' ? [init.readUInt32BE(at + 20)] : []))
}

/** Returns times, lengths and first bytes of a segment's packets. */
function listPackets({ picture, sound }: DemuxedSegment) {
  const list = ({ packets }: DemuxedSegment['picture']) =>
    packets.map(({ sec, bytes }) => [sec.toFixed(6), bytes.length, bytes.toString('hex', 0, 20)])
  return { picture: list(picture), sound: list(sound) }
}

describe('a segment of two fragments', () => {
  let clip: Clip
  let init: Buffer
  let segment: Buffer
  beforeAll(async () => {
    clip = await makeClip([{ sec: 2 }], { segmentSec: 1, fps: 10, size: '160x90', container: 'fmp4', bFrames: 2 })
    init = await readFile(clip.initPath ?? '')
    segment = Buffer.concat(await Promise.all(clip.segments.map(({ path }) => readFile(path))))
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  const demux = (bytes: Buffer) => listPackets(demuxFragmentedMp4(bytes, init))

  test('goes on where the fragment before ended if decode times are left out', () => {
    const times = (bytes: Buffer) => demux(bytes).picture.map(([sec]) => sec)
    expect(times(segment)).toHaveLength(20)
    const untimed = changeBoxes(segment, 'tfdt', (bytes, at) => bytes.write('free', at + 4))
    expect(times(untimed)).toEqual(times(segment))
  })
  test('has the data of a second track after that of the first if no base is named', () => {
    expect(demux(countFromDataBefore(segment))).toEqual(demux(segment))
  })

  test('has the data of a track after that of one that is not read', () => {
    const withoutPicture = Buffer.from(init.toString('latin1').replace('vide', 'meta'), 'latin1')
    const { picture, sound } = listPackets(demuxFragmentedMp4(countFromDataBefore(segment), withoutPicture))
    expect(picture).toEqual([])
    expect(sound).toEqual(demux(segment).sound)
  })
  test('has its data where offsets are positions in a file of which it is a range', async () => {
    const args = ['-i', 'index.m3u8', '-c', 'copy', '-movflags', 'frag_keyframe+empty_moov', 'file.mp4']
    await runFfmpeg('ffmpeg', ['-v', 'error', ...args], { timeoutMs: PATIENCE_MS, cwd: clip.dir })
    const file = await readFile(join(clip.dir, 'file.mp4'))
    const [first = 0, second = 0] = listBoxes(file).flatMap(({ type, at }) => (type === 'moof' ? [at] : []))
    const head = file.subarray(0, first)
    const whole = listPackets(demuxFragmentedMp4(file, null))
    const ranges = [file.subarray(first, second), file.subarray(second)].map((range) =>
      listPackets(demuxFragmentedMp4(range, head)),
    )
    expect(ranges.flatMap(({ picture }) => picture)).toEqual(whole.picture)
    expect(ranges.flatMap(({ sound }) => sound)).toEqual(whole.sound)
    expect(whole.picture).toHaveLength(20)
    expect(listPackets(demuxFragmentedMp4(file.subarray(first), head))).toEqual(whole)
  })
  test.each([
    ['zeros', Buffer.alloc(4)],
    ['a box that exceeds it', Buffer.from('\0\0\0\x7fwxyz')],
  ])('is decoded by what precedes %s at the end of a box', (_, added) => {
    for (const type of ['avc1', 'mp4a', 'stsd', 'stbl', 'trak', 'mvex', 'moov']) {
      const padded = demuxFragmentedMp4(segment, appendToBox(init, type, added))
      expect(listPackets(padded)).toEqual(demux(segment))
      const formats = [padded.picture, padded.sound].map(({ packets }) => packets[0]?.format.matroska?.codecId)
      expect(formats).toEqual(['V_MPEG4/ISO/AVC', 'A_AAC'])
    }
  })
  /** Moves the decode times of both tracks by as many seconds in each fragment. */
  const shiftFragments = (bySec: readonly number[]) =>
    changeBoxes(segment, 'tfdt', (bytes, at, index) => {
      const timescale = readTimescales(init)[index % 2] ?? 0
      const ticks = BigInt((bySec[index >> 1] ?? 0) * timescale)
      bytes.writeBigUInt64BE(bytes.readBigUInt64BE(at + 12) + ticks, at + 12)
    })
  const listTimes = (bytes: Buffer) => Object.values(demux(bytes)).map((packets) => packets.map(([sec]) => Number(sec)))

  test.each([
    ['forwards', [0, 86_400]],
    ['backwards', [3600, 0]],
  ])('goes on where the fragment before ended if the clock jumps %s', (_, [firstSec = 0, secondSec = 0]) => {
    const expected = listTimes(segment).map((times) => times.map((sec) => expect.closeTo(sec + firstSec, 5)))
    expect(listTimes(shiftFragments([firstSec, secondSec]))).toEqual(expected)
  })

  test('keeps a pause between fragments', () => {
    const expected = listTimes(segment).map((times) => Math.max(...times) + 5)
    expect(listTimes(shiftFragments([0, 5])).map((times) => Math.max(...times))).toEqual(expected)
  })
})
