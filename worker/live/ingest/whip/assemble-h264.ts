import type { RtpPacket } from './rtp-packet.ts'
import { MAX_FRAME_BYTES, type FrameAssembler, type ReceivedFrame } from './video-frame.ts'

/** Types of NAL units (ITU-T H.264 §7.4.1) and of packets with several or parts of one (RFC 6184 §5.2). */
export const NAL_TYPE = { idr: 5, sequenceParameters: 7, pictureParameters: 8, delimiter: 9 } as const
const PACKET_TYPE = { aggregate: 24, fragment: 28 } as const
const LAST_SINGLE_TYPE = 23
const TYPE_MASK = 0x1f

/** Returns the type of a NAL unit. */
export function nalTypeOf(unit: Buffer): number {
  return (unit[0] ?? 0) & TYPE_MASK
}

type OpenH264Frame = {
  readonly timestamp: number
  readonly units: Buffer[]
  /** Parts of the NAL unit that is open. */
  fragments: Buffer[]
  bytes: number
  isBroken: boolean
}

/** Creates an assembler of H.264 in single NAL units, STAP-A and FU-A (RFC 6184 §5.6, §5.7.1, §5.8). */
export function createH264Assembler(): FrameAssembler {
  let open: OpenH264Frame | null = null

  function close(): readonly ReceivedFrame[] {
    const frame = open
    open = null
    if (frame === null || frame.isBroken || frame.fragments.length > 0 || frame.units.length === 0) return []
    const isKey = frame.units.some((unit) => nalTypeOf(unit) === NAL_TYPE.idr)
    return [{ timestamp: frame.timestamp, isKey, units: frame.units }]
  }

  return {
    push({ packet, isAfterLoss }) {
      if (isAfterLoss && open !== null) open.isBroken = true
      const before = open !== null && open.timestamp !== packet.timestamp ? close() : []
      // A frame whose first packets are lost begins with a fragment, or lacks slices: which one is unknown.
      open ??= { timestamp: packet.timestamp, units: [], fragments: [], bytes: 0, isBroken: isAfterLoss }
      addPacket(open, packet)
      return packet.isMarked ? [...before, ...close()] : before
    },
  }
}

function addPacket(frame: OpenH264Frame, { payload }: RtpPacket): void {
  frame.bytes += payload.length
  if (frame.bytes > MAX_FRAME_BYTES) frame.isBroken = true
  if (frame.isBroken || payload.length === 0) return
  const type = nalTypeOf(payload)
  if (type === PACKET_TYPE.fragment) addFragment(frame, payload)
  else if (type === PACKET_TYPE.aggregate) addAggregate(frame, payload)
  else if (type >= 1 && type <= LAST_SINGLE_TYPE) frame.units.push(payload)
  else frame.isBroken = true
}

/** Adds the units of an aggregation packet: each follows its size in 16 bits (RFC 6184 §5.7.1). */
function addAggregate(frame: OpenH264Frame, payload: Buffer): void {
  for (let offset = 1; offset + 2 <= payload.length;) {
    const size = payload.readUInt16BE(offset)
    const unit = payload.subarray(offset + 2, offset + 2 + size)
    if (size === 0 || unit.length < size) {
      frame.isBroken = true
      return
    }
    frame.units.push(unit)
    offset += 2 + size
  }
}

/** Adds a part of a unit, whose first byte is divided between two headers (RFC 6184 §5.8). */
function addFragment(frame: OpenH264Frame, payload: Buffer): void {
  const [indicator = 0, header = 0] = payload
  const [isStart, isEnd] = [(header & 0x80) !== 0, (header & 0x40) !== 0]
  if (isStart === frame.fragments.length > 0) {
    frame.isBroken = true
    return
  }
  if (isStart) frame.fragments.push(Buffer.from([(indicator & ~TYPE_MASK) | (header & TYPE_MASK)]))
  frame.fragments.push(payload.subarray(2))
  if (!isEnd) return
  frame.units.push(Buffer.concat(frame.fragments))
  frame.fragments = []
}
