import type { OrderedPacket } from './packet-order.ts'

/** A frame of video as it was put together from packets. */
export type ReceivedFrame = {
  /** In units of the track's clock. */
  readonly timestamp: number
  readonly isKey: boolean
  /** NAL units of H.264 without start codes; of VP8, the frame. */
  readonly units: readonly Buffer[]
}

/** Puts the frames of a track together. A frame of which a packet is missing is left out. */
export type FrameAssembler = {
  /** Takes the next packet; returns the frames that it completes. */
  push(ordered: OrderedPacket): readonly ReceivedFrame[]
}

/** Largest accepted frame: that of a message of RTMP. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024
