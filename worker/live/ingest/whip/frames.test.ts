import { assert, integer, property, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readVideoPayload } from '../../flv/media-payload.ts'
import { createH264Assembler } from './assemble-h264.ts'
import { createVp8Assembler, readVp8Size } from './assemble-vp8.ts'
import { composeAvcFrame, composeAvcHeader, findAvcParameters } from './avc-tags.ts'
import { readRtpPacket, type RtpPacket } from './rtp-packet.ts'
import type { FrameAssembler } from './video-frame.ts'

type Sent = { readonly payload: readonly number[]; readonly timestamp?: number; readonly isMarked?: boolean }

/** Pushes packets; `isAfterLoss` states before which one a packet was lost. */
function pushAll(assembler: FrameAssembler, sent: readonly Sent[], lostBefore = -1) {
  return sent.flatMap(({ payload, timestamp = 0, isMarked = false }, index) => {
    const packet: RtpPacket = {
      payloadType: 96,
      sequence: index,
      timestamp,
      ssrc: 1,
      isMarked,
      payload: Buffer.from(payload),
    }
    return assembler.push({ packet, isAfterLoss: index === lostBefore })
  })
}

const SPS = [0x67, 0x42, 0xc0, 0x1f, 0x8c]
const PPS = [0x68, 0xce, 0x3c, 0x80]
const STAP = [0x78, 0, SPS.length, ...SPS, 0, PPS.length, ...PPS]
const IDR_PARTS: readonly Sent[] = [
  { payload: [0x7c, 0x85, 1, 2] },
  { payload: [0x7c, 0x05, 3] },
  { payload: [0x7c, 0x45, 4], isMarked: true },
]

describe('H.264', () => {
  test('in aggregates, fragments and single units becomes frames with the parameters of a decoder', () => {
    const sent = [{ payload: STAP }, ...IDR_PARTS, { payload: [0x41, 9], timestamp: 3000, isMarked: true }]
    const [key, frame, ...rest] = pushAll(createH264Assembler(), sent)
    expect(rest).toEqual([])
    expect(key?.units.map((unit) => [...unit])).toEqual([SPS, PPS, [0x65, 1, 2, 3, 4]])
    expect([key?.isKey, frame?.isKey, frame?.timestamp]).toEqual([true, false, 3000])
  })

  test('becomes tags with the configuration of a decoder, and frames without it', () => {
    const parameters = { sequence: Buffer.from(SPS), picture: Buffer.from(PPS) }
    const units = [parameters.sequence, parameters.picture, Buffer.from([0x65, 1, 2])]
    expect(findAvcParameters(units)).toEqual(parameters)
    expect(findAvcParameters(units.slice(1))).toBeNull()
    const header = composeAvcHeader(parameters)
    expect(readVideoPayload(header)).toMatchObject({ codec: 'h264', kind: 'header' })
    expect([...header.subarray(5)]).toEqual([1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 5, ...SPS, 1, 0, 4, ...PPS])
    const body = composeAvcFrame(units, true)
    expect(body?.toString('hex')).toBe('170100000000000003650102')
    expect(composeAvcFrame(units.slice(0, 2), true)).toBeNull()
  })

  test('with a lost packet leaves out the frame, and only that one', () => {
    const next = { payload: [0x41, 9], timestamp: 3000, isMarked: true }
    expect(pushAll(createH264Assembler(), [...IDR_PARTS, next], 1)).toMatchObject([{ timestamp: 3000 }])
    expect(pushAll(createH264Assembler(), [...IDR_PARTS.slice(1), next])).toMatchObject([{ timestamp: 3000 }])
  })

  test('a frame without its mark ends with the time of the next one', () => {
    const sent = [
      { payload: [0x65, 1] },
      { payload: [0x41, 2], timestamp: 3000 },
      { payload: [0x41, 3], timestamp: 6000 },
    ]
    expect(pushAll(createH264Assembler(), sent).map(({ timestamp }) => timestamp)).toEqual([0, 3000])
  })
})

describe('VP8', () => {
  const KEY = [0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]

  test('becomes frames without the descriptors of its packets, and key frames say their size', () => {
    const sent = [
      // With a picture id of 15 bits.
      { payload: [0x90, 0x80, 0x92, 0x3f, ...KEY] },
      { payload: [0x80, 0x80, 0x92, 0x3f, 7, 8], isMarked: true },
      { payload: [0x10, 0x31, 5], timestamp: 3000, isMarked: true },
    ]
    const [key, frame] = pushAll(createVp8Assembler(), sent)
    expect([...(key?.units[0] ?? [])]).toEqual([...KEY, 7, 8])
    expect([key?.isKey, frame?.isKey]).toEqual([true, false])
    expect(readVp8Size(Buffer.from(KEY))).toEqual({ width: 640, height: 360 })
    expect(readVp8Size(Buffer.from([0x31, 5]))).toBeNull()
  })

  test('with a lost packet leaves out the frame', () => {
    const sent = [{ payload: [0x10, ...KEY] }, { payload: [0x00, 7], isMarked: true }]
    expect(pushAll(createVp8Assembler(), sent, 1)).toEqual([])
    expect(pushAll(createVp8Assembler(), sent.slice(1))).toEqual([])
  })
})

test('any bytes are read as a packet or as none, and any payload as frames or as none', () => {
  const assemblers = [createH264Assembler(), createVp8Assembler()]
  const bytes = uint8Array({ maxLength: 60 })
  assert(
    property(bytes, integer({ min: 0, max: 255 }), (content, first) => {
      const packet = readRtpPacket(Buffer.from([first, ...content]))
      if (packet === null) return
      expect(packet.payload.length).toBeLessThanOrEqual(content.length - 11)
      for (const assembler of assemblers) assembler.push({ packet, isAfterLoss: false })
    }),
    { numRuns: 1000 },
  )
})
