import type { RtpPacket } from './rtp-packet.ts'
import { MAX_FRAME_BYTES, type FrameAssembler, type ReceivedFrame } from './video-frame.ts'

type OpenVp8Frame = { readonly timestamp: number; readonly parts: Buffer[]; bytes: number; isBroken: boolean }

/** Creates an assembler of VP8 (RFC 7741 §4). */
export function createVp8Assembler(): FrameAssembler {
  let open: OpenVp8Frame | null = null

  function close(): readonly ReceivedFrame[] {
    const frame = open
    open = null
    if (frame === null || frame.isBroken || frame.bytes === 0) return []
    const data = Buffer.concat(frame.parts)
    return [{ timestamp: frame.timestamp, isKey: ((data[0] ?? 1) & 1) === 0, units: [data] }]
  }

  return {
    push({ packet, isAfterLoss }) {
      if (isAfterLoss && open !== null) open.isBroken = true
      const before = open !== null && open.timestamp !== packet.timestamp ? close() : []
      open ??= { timestamp: packet.timestamp, parts: [], bytes: 0, isBroken: !isFrameStart(packet) }
      const data = packet.payload.subarray(measureDescriptor(packet.payload))
      open.parts.push(data)
      open.bytes += data.length
      if (open.bytes > MAX_FRAME_BYTES) open.isBroken = true
      return packet.isMarked ? [...before, ...close()] : before
    },
  }
}

/** Returns whether a packet begins the first partition: S is set, and PID is 0 (RFC 7741 §4.2). */
function isFrameStart({ payload }: RtpPacket): boolean {
  return ((payload[0] ?? 0) & 0x17) === 0x10
}

/** Returns the size of the payload descriptor in bytes (RFC 7741 §4.2). */
function measureDescriptor(payload: Buffer): number {
  const [first = 0, extension = 0, picture = 0] = payload
  if ((first & 0x80) === 0) return 1
  const hasPictureId = (extension & 0x80) !== 0
  const pictureBytes = hasPictureId ? 1 + (picture >> 7) : 0
  const levelBytes = (extension & 0x40) === 0 ? 0 : 1
  const keyBytes = (extension & 0x30) === 0 ? 0 : 1
  return 2 + pictureBytes + levelBytes + keyBytes
}

/** The size of a picture, in pixels. */
export type Vp8Size = { readonly width: number; readonly height: number }

const START_CODE = 0x9d012a

/** Returns the size of a key frame (RFC 6386 §9.1); `null` where the frame is none. */
export function readVp8Size(frame: Buffer): Vp8Size | null {
  if (frame.length < 10 || ((frame[0] ?? 1) & 1) !== 0 || frame.readUIntBE(3, 3) !== START_CODE) return null
  const [width, height] = [frame.readUInt16LE(6) & 0x3fff, frame.readUInt16LE(8) & 0x3fff]
  return width === 0 || height === 0 ? null : { width, height }
}
