import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { encodeBasicHeader } from './chunk-header.ts'
import { createChunkReader, type ChunkReader } from './chunk-reader.ts'
import { encodeChunks, encodeUint32 } from './chunk-writer.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'

const LIMITS = { messageBytes: 1 << 20, pendingBytes: 1 << 21 }

function readAll(reader: ChunkReader, pieces: readonly Buffer[]): readonly RtmpMessage[] {
  const messages: RtmpMessage[] = []
  for (const piece of pieces) {
    reader.append(piece)
    for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message)
  }
  return messages
}

/** Cuts bytes into pieces of these lengths, in turn. */
function cut(bytes: Buffer, lengths: readonly number[]): readonly Buffer[] {
  const pieces: Buffer[] = []
  for (let offset = 0, i = 0; offset < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? bytes.length
    pieces.push(bytes.subarray(offset, offset + length))
    offset += length
  }
  return pieces
}

function setChunkSize(bytes: number): RtmpMessage {
  return { type: MESSAGE_TYPE.setChunkSize, streamId: 0, timestamp: 0, body: encodeUint32(bytes) }
}

const anyMessage = fc.record({
  type: fc.constantFrom(8, 9, 18, 20),
  streamId: fc.nat(0xffffffff),
  timestamp: fc.oneof(fc.nat(0xffffffff), fc.nat(50), fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0xffffffff)),
  body: fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
})
const anyChunkStream = fc.constantFrom(2, 3, 63, 64, 319, 320, 65_599)
const anyCut = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 })

/** What the compressing writer remembers of a chunk stream. */
type Written = { readonly message: RtmpMessage; readonly delta: number; readonly hasDelta: boolean }

/** Encodes messages with the shortest header that says the truth (RTMP 1.0 §5.3.1.2), as encoders do. */
function encodeCompressed(messages: readonly (readonly [number, RtmpMessage])[], chunkBytes: number): Buffer {
  const written = new Map<number, Written>()
  return Buffer.concat(
    messages.map(([id, message]) => {
      const before = written.get(id)
      const delta = before === undefined ? 0 : (message.timestamp - before.message.timestamp + 2 ** 32) % 2 ** 32
      const format = chooseFormat(before, message, delta)
      const time = format === 0 ? message.timestamp : delta
      written.set(id, { message, delta: time, hasDelta: format !== 0 })
      const extended = time >= 0xffffff ? [encodeUint32(time)] : []
      const header = Buffer.alloc(11)
      header.writeUIntBE(Math.min(time, 0xffffff), 0, 3)
      header.writeUIntBE(message.body.length, 3, 3)
      header[6] = message.type
      header.writeUInt32LE(message.streamId, 7)
      const parts = [encodeBasicHeader(format, id), header.subarray(0, [11, 7, 3, 0][format]), ...extended]
      for (let offset = 0; offset < message.body.length; offset += chunkBytes) {
        if (offset > 0) parts.push(encodeBasicHeader(3, id), ...extended)
        parts.push(message.body.subarray(offset, offset + chunkBytes))
      }
      return Buffer.concat(parts)
    }),
  )
}

function chooseFormat(before: Written | undefined, message: RtmpMessage, delta: number): number {
  if (before === undefined || before.message.streamId !== message.streamId) return 0
  if (before.message.type !== message.type || before.message.body.length !== message.body.length) return 1
  return before.delta === delta ? 3 : 2
}

describe('chunks', () => {
  test('what the writer writes, the reader reads, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyChunkStream, anyMessage), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5000 }),
        anyCut,
        (messages, chunkBytes, lengths) => {
          const bytes = Buffer.concat([
            encodeChunks(setChunkSize(chunkBytes), 2, 128),
            ...messages.map(([id, message]) => encodeChunks(message, id, chunkBytes)),
          ])
          expect(readAll(createChunkReader(LIMITS), cut(bytes, lengths))).toEqual(
            messages.map(([, message]) => message),
          )
        },
      ),
    )
  })

  test('headers that leave out what has not changed are completed from the chunk before', () => {
    const similar = fc.record({
      type: fc.constantFrom(8, 9),
      streamId: fc.constantFrom(1, 2),
      timestamp: fc.constantFrom(0, 0, 20, 40, 60, 0xfffff0, 0xffffff, 0x1000010, 0xfffffff0),
      body: fc.constantFrom(Buffer.alloc(3, 1), Buffer.alloc(400, 2), Buffer.alloc(400, 3)),
    })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(4, 6, 70), similar), { maxLength: 30 }),
        fc.integer({ min: 1, max: 500 }),
        anyCut,
        (messages, chunkBytes, lengths) => {
          const bytes = Buffer.concat([
            encodeChunks(setChunkSize(chunkBytes), 2, 128),
            encodeCompressed(messages, chunkBytes),
          ])
          expect(readAll(createChunkReader(LIMITS), cut(bytes, lengths))).toEqual(
            messages.map(([, message]) => message),
          )
        },
      ),
    )
  })

  test('messages of several chunk streams may be interleaved chunk by chunk', () => {
    const video = { type: 9, streamId: 1, timestamp: 0x1000000, body: Buffer.alloc(300, 7) }
    const audio = { type: 8, streamId: 1, timestamp: 5, body: Buffer.alloc(200, 8) }
    // The header of format 0 with its extended timestamp, then 128 bytes; each further chunk repeats the timestamp.
    const v = encodeChunks(video, 6, 128)
    const a = encodeChunks(audio, 4, 128)
    const mixed = [v.subarray(0, 144), a.subarray(0, 140), v.subarray(144, 277), a.subarray(140), v.subarray(277)]
    expect(readAll(createChunkReader(LIMITS), mixed)).toEqual([audio, video])
  })

  test('a type 3 chunk may omit the extended timestamp, as some encoders do', () => {
    const body = Buffer.alloc(200, 9)
    const whole = encodeChunks({ type: 9, streamId: 1, timestamp: 0x1000000, body }, 6, 128)
    const omitting = Buffer.concat([whole.subarray(0, 145), whole.subarray(149)])
    expect(readAll(createChunkReader(LIMITS), [omitting])[0]?.body).toEqual(body)
  })

  test('an aborted message is dropped, and the next one of its chunk stream is read', () => {
    const dropped = encodeChunks({ type: 9, streamId: 1, timestamp: 0, body: Buffer.alloc(300) }, 6, 128)
    const abort = encodeChunks({ type: MESSAGE_TYPE.abort, streamId: 0, timestamp: 0, body: encodeUint32(6) }, 2, 128)
    const next = { type: 9, streamId: 1, timestamp: 40, body: Buffer.from('next') }
    const bytes = [dropped.subarray(0, 140), abort, encodeChunks(next, 6, 128)]
    expect(readAll(createChunkReader(LIMITS), bytes)).toEqual([next])
  })

  test.each([
    [
      'a message above the bound',
      encodeChunks({ type: 9, streamId: 1, timestamp: 0, body: Buffer.alloc(101) }, 6, 128),
    ],
    ['a chunk size of 0', encodeChunks(setChunkSize(0), 2, 128)],
    ['a chunk size of 32 bits', encodeChunks(setChunkSize(0x80000000), 2, 128)],
    ['a chunk that continues nothing', Buffer.from([0xc3, 1, 2, 3])],
    ['more than 64 chunk streams', Buffer.concat(Array.from({ length: 65 }, (_, i) => emptyMessage(i + 2)))],
    ['a message inside another one of its chunk stream', Buffer.concat([announceMessage(6, 90, 8), emptyMessage(6)])],
  ])('%s is refused', (_name, bytes) => {
    const reader = createChunkReader({ messageBytes: 100, pendingBytes: 1000 })
    expect(() => readAll(reader, [setSmallChunks(), bytes])).toThrow(RtmpError)
  })

  test('a large length reserves no memory, and incomplete messages are bounded together', () => {
    const reader = createChunkReader({ messageBytes: 8 << 20, pendingBytes: 8000 })
    const before = process.memoryUsage().arrayBuffers
    for (let id = 3; id < 60; id++) readAll(reader, [announceMessage(id, 8 << 20, 128)])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20)
    const more = Buffer.concat(Array.from({ length: 57 }, (_, i) => announceMore(i + 3)))
    expect(() => readAll(reader, [more])).toThrow(RtmpError)
  })

  test('random bytes never cause another error than a broken protocol', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), anyCut, (bytes, lengths) => {
        try {
          readAll(createChunkReader(LIMITS), cut(Buffer.from(bytes), lengths))
        } catch (error) {
          if (!(error instanceof RtmpError)) throw error
        }
      }),
    )
  })
})

function emptyMessage(id: number): Buffer {
  return encodeChunks({ type: 9, streamId: 1, timestamp: 0, body: Buffer.alloc(0) }, id, 128)
}

/** Returns the first chunk of a message of this length, with `chunkBytes` of payload. */
function announceMessage(id: number, length: number, chunkBytes: number): Buffer {
  const chunk = encodeChunks({ type: 9, streamId: 1, timestamp: 0, body: Buffer.alloc(chunkBytes) }, id, chunkBytes)
  chunk.writeUIntBE(length, encodeBasicHeader(0, id).length + 3, 3)
  return chunk
}

function announceMore(id: number): Buffer {
  return Buffer.concat([encodeBasicHeader(3, id), Buffer.alloc(128)])
}

function setSmallChunks(): Buffer {
  return encodeChunks(setChunkSize(8), 2, 128)
}
