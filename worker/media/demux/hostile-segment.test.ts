/** Segments whose few bytes stand for very many packets. What is kept of a segment is bounded. */

import { describe, expect, test } from 'vitest'

import { demuxSegment } from './demux-segment.ts'

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + body.length)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, body])
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}

/** Makes an initialization section of one sound track, whose samples have a size by default. */
function initSection(sampleBytes: number): Buffer {
  const stsd = box('stsd', words(0, 1), box('mp4a', Buffer.alloc(28)))
  const handler = box('hdlr', words(0, 0), Buffer.from('soun'), Buffer.alloc(13))
  const media = box('mdia', box('mdhd', words(0, 0, 0, 48_000, 0, 0)), handler, box('minf', box('stbl', stsd)))
  const track = box('trak', box('tkhd', words(0, 0, 0, 1, 0, 0)), media)
  return box(
    'moov',
    box('mvhd', words(0, 0, 0, 1000, 0)),
    track,
    box('mvex', box('trex', words(0, 1, 1, 1024, sampleBytes, 0))),
  )
}

/** Makes a segment of runs without fields of their own. */
function segment(counts: readonly number[], dataBytes: number): Buffer {
  const runs = counts.map((count) => box('trun', words(0, count)))
  const fragment = box('traf', box('tfhd', words(0x20000, 1)), box('tfdt', words(0, 0)), ...runs)
  return Buffer.concat([box('moof', fragment), box('mdat', Buffer.alloc(dataBytes))])
}

function demux(bytes: Buffer, map: Buffer | null = null) {
  const result = demuxSegment({ bytes, map }, null)
  return result.kind === 'other' ? result.problem : result.media.sound.packets.length
}

/** Makes ADTS frames without data: AAC-LC of 48 kHz, seven bytes each. */
function adtsFrames(count: number): Buffer {
  return Buffer.alloc(7 * count, Buffer.from('fff14c8000fffc', 'hex'))
}

/** Makes packets of a transport stream that carry an elementary stream of one type. */
function transportStream(streamType: number, stream: Buffer): Buffer {
  const pat = section(0, [0x00, 0xb0, 0x0d, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0x00, 0, 0, 0, 0])
  const pmt = section(0x100, [
    0x02,
    0xb0,
    0x12,
    0,
    1,
    0xc1,
    0,
    0,
    0xe1,
    0x01,
    0xf0,
    0,
    streamType,
    0xe1,
    0x01,
    0xf0,
    0,
    0,
    0,
    0,
    0,
  ])
  const pes = Buffer.concat([Buffer.from('000001e0000080800521000107d1', 'hex').subarray(0, 14), stream])
  const packets = Array.from({ length: Math.ceil(pes.length / 184) }, (_, index) => {
    const payload = Buffer.alloc(184, 0xff)
    pes.copy(payload, 0, 184 * index)
    return Buffer.concat([Buffer.from([0x47, (index === 0 ? 0x40 : 0) | 0x01, 0x01, 0x10 | (index % 16)]), payload])
  })
  return Buffer.concat([pat, pmt, ...packets])
}

function section(pid: number, bytes: readonly number[]): Buffer {
  const packet = Buffer.alloc(188, 0xff)
  packet.set([0x47, 0x40 | (pid >> 8), pid & 0xff, 0x10, 0, ...bytes])
  return packet
}

const TOO_MANY = 'segment has too many samples'

describe('a segment of fragmented MP4', () => {
  test('has as many samples as its data, and no more than a worker can keep', () => {
    expect(demux(segment([20_000], 20_000), initSection(1))).toBe(20_000)
    expect(demux(segment([1_000_000], 16), initSection(1))).toBe(TOO_MANY)
  })

  test('has its samples counted over all runs', () => {
    expect(demux(segment([60_000, 60_000], 120_000), initSection(1))).toBe(TOO_MANY)
  })

  test('has few samples without data', () => {
    expect(demux(segment([3], 16), initSection(0))).toBe(3)
    expect(demux(segment([50_000], 16), initSection(0))).toBe(TOO_MANY)
  })

  test('has no more boxes than a worker can keep', () => {
    const many = Buffer.alloc(8 * 200_000, box('free'))
    expect(demux(Buffer.concat([segment([3], 3), many]), initSection(1))).toBe('segment has too many boxes')
  })
})

test('sound of half an hour is read, and not frames without end', () => {
  expect(demux(adtsFrames(85_000))).toBe(85_000)
  expect(demux(adtsFrames(200_000))).toBe(TOO_MANY)
  expect(demux(transportStream(0x0f, adtsFrames(200_000)))).toBe(TOO_MANY)
})

test.each([
  ['pictures', '0000016580'],
  ['parameter sets', '0000016742'],
])('a transport stream has no %s without end', (_, unit) => {
  const bytes = Buffer.alloc(5 * 200_000, Buffer.from(unit, 'hex'))
  expect(demux(transportStream(0x1b, bytes))).toBe(TOO_MANY)
})
