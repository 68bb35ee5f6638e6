import { readFile } from 'node:fs/promises'

import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'
import { createFlvReader, FlvError } from './flv-reader.ts'
import { encodeFlvHeader, encodeFlvTag, TAG_TYPE } from './flv-tag.ts'
import { readAudioPayload, readVideoPayload } from './media-payload.ts'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 2 })
})
afterAll(() => clip[Symbol.asyncDispose]())

describe('FLV', () => {
  test('a file of ffmpeg is read as its tags, and written again byte for byte', async () => {
    const bytes = await readFile(clip.path)
    const written = Buffer.concat([encodeFlvHeader({ hasAudio: true, hasVideo: true }), ...clip.tags.map(encodeFlvTag)])
    expect(written.equals(bytes)).toBe(true)
    const kinds = clip.tags.filter(({ type }) => type === TAG_TYPE.video).map(({ body }) => readVideoPayload(body).kind)
    expect(kinds.filter((kind) => kind === 'header').length).toBe(1)
    expect(kinds.filter((kind) => kind === 'key_frame').length).toBe(2)
    expect(kinds.filter((kind) => kind === 'frame').length).toBe(48)
  })

  test('tags are read however the bytes are cut', () => {
    const anyTag = fc.record({
      type: fc.constantFrom(8, 9, 18),
      timestampMs: fc.nat(0xffffffff),
      body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    })
    fc.assert(
      fc.property(fc.array(anyTag), fc.integer({ min: 1, max: 400 }), (tags, length) => {
        const bytes = Buffer.concat([encodeFlvHeader({ hasAudio: true, hasVideo: true }), ...tags.map(encodeFlvTag)])
        const reader = createFlvReader()
        const read = Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) =>
          reader.read(bytes.subarray(i * length, (i + 1) * length)),
        ).flat()
        expect(read).toEqual(tags)
      }),
    )
  })

  test('what is no FLV, and a tag above 8 MiB, are refused', () => {
    expect(() => createFlvReader().read(Buffer.from('<!doctype html>'))).toThrow(FlvError)
    const reader = createFlvReader()
    const header = encodeFlvHeader({ hasAudio: true, hasVideo: true })
    expect(() => reader.read(Buffer.concat([header, Buffer.from([9, 255, 255, 255]), Buffer.alloc(7)]))).toThrow(
      FlvError,
    )
  })
})

describe('the payload of a tag', () => {
  const fourCc = (first: number, name: string, ...rest: readonly number[]) =>
    Buffer.concat([Buffer.from([first]), Buffer.from(name), Buffer.from(rest)])

  test.each([
    ['H.264 configuration', Buffer.from([0x17, 0, 0, 0, 0, 1]), { codec: 'h264', kind: 'header', data: 5 }],
    ['H.264 key frame', Buffer.from([0x17, 1, 0, 0, 0, 1]), { codec: 'h264', kind: 'key_frame', data: 5 }],
    ['H.264 frame', Buffer.from([0x27, 1, 0, 0, 0, 1]), { codec: 'h264', kind: 'frame', data: 5 }],
    ['end of sequence', Buffer.from([0x17, 2, 0, 0, 0]), { codec: 'h264', kind: 'extra', data: 5 }],
    ['H.264 without data', Buffer.from([0x17, 1, 0, 0, 0]), { codec: '', kind: 'empty', data: 0 }],
    ['VP6', Buffer.from([0x14, 1]), { codec: 'VP6', kind: 'key_frame', data: 1 }],
    ['HEVC configuration', fourCc(0x90, 'hvc1', 1), { codec: 'hevc', kind: 'header', data: 5 }],
    [
      'HEVC with composition time',
      fourCc(0x91, 'hvc1', 0, 0, 40),
      { codec: 'hevc', kind: 'key_frame', data: 8, offsetMs: 40 },
    ],
    ['HEVC without composition time', fourCc(0xa3, 'hvc1'), { codec: 'hevc', kind: 'frame', data: 5 }],
    ['AV1 behind a modifier', fourCc(0x97, '\x02abc\x01av01'), { codec: 'av1', kind: 'key_frame', data: 10 }],
    ['colour metadata', fourCc(0x94, 'hvc1'), { codec: 'hevc', kind: 'extra', data: 5 }],
    ['several tracks', fourCc(0x96, '\x00hvc1'), { codec: 'multitrack video', kind: 'frame', data: 1 }],
    ['an unknown codec', fourCc(0x90, 'xyz '), { codec: 'codec "xyz "', kind: 'header', data: 5 }],
  ])('video: %s', (_name, body, expected) => {
    expect(readVideoPayload(body)).toMatchObject(expected)
  })

  test.each([
    ['AAC configuration', Buffer.from([0xaf, 0, 0x12, 0x10]), { codec: 'aac', kind: 'header', data: 2 }],
    ['AAC frame', Buffer.from([0xaf, 1, 1]), { codec: 'aac', kind: 'key_frame', data: 2 }],
    ['MP3', Buffer.from([0x2f, 1]), { codec: 'MP3', kind: 'key_frame', data: 1 }],
    ['Speex', Buffer.from([0xb2, 1]), { codec: 'Speex', kind: 'key_frame', data: 1 }],
    ['Opus configuration', fourCc(0x90, 'Opus', 1), { codec: 'opus', kind: 'header', data: 5 }],
    ['Opus frame', fourCc(0x91, 'Opus', 1), { codec: 'opus', kind: 'key_frame', data: 5 }],
    ['nothing', Buffer.alloc(0), { codec: '', kind: 'empty', data: 0 }],
  ])('audio: %s', (_name, body, expected) => {
    expect(readAudioPayload(body)).toMatchObject(expected)
  })

  test('random bytes are described without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        readVideoPayload(Buffer.from(bytes))
        readAudioPayload(Buffer.from(bytes))
      }),
    )
  })
})
