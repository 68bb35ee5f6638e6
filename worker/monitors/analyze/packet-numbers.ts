import type { MediaPacket } from '../../media/demux/media-packet.ts'

/** Distance of neighbouring numbers: those of sound are converted to samples and back, which must round to the number. */
export const NUMBER_STEP = 2
/** Most frames that a decoder holds back: the picture buffer of H.264 and H.265. */
export const MAX_HELD_FRAMES = 16

/**
 * Numbers of one track's packets, which stand for their times in a decoder: stored times may wrap, jump or repeat. They
 * grow in presentation order, and the frame of a packet has its number.
 */
export type PacketNumbers = {
  /** Returns numbers for packets in decoding order, all above those before. */
  assign(packets: readonly MediaPacket[]): number[]
  /** Returns a number whose frame is of no interest. */
  skip(): number
  /** Returns the next number. */
  next(): number
  /** Leaves out the numbers below. */
  skipTo(number: number): void
  /** Returns the packet of a frame; `undefined` for a skipped number. */
  take(number: number): MediaPacket | undefined
  /** Returns how many frames of assigned packets lag behind the newest one that came. */
  countHeld(): number
  /** Reports whether more frames lag behind than have before. */
  isBehind(): boolean
  /** Takes the frames that lag behind for those that the decoder holds back as a rule. */
  acceptHeld(): void
}

/** Creates the numbers of a track. */
export function createPacketNumbers(): PacketNumbers {
  const packetOf = new Map<number, MediaPacket>()
  let next = 0
  let last = -1
  let newest = -1
  let usual = 0
  const countHeld = () => Math.max(0, Math.ceil((last - newest) / NUMBER_STEP))

  return {
    assign(packets) {
      // Frames that never came, of damaged packets, would be kept for good.
      for (const number of packetOf.keys()) {
        if (number < last - MAX_HELD_FRAMES * NUMBER_STEP) packetOf.delete(number)
      }
      const byTime = packets.map((packet, index) => ({ packet, index })).toSorted((a, b) => a.packet.sec - b.packet.sec)
      const numbers: number[] = []
      for (const { packet, index } of byTime) {
        numbers[index] = next
        packetOf.set(next, packet)
        last = next
        next += NUMBER_STEP
      }
      return numbers
    },
    skip() {
      next += NUMBER_STEP
      return next - NUMBER_STEP
    },
    next: () => next,
    skipTo(number) {
      next = Math.max(next, number)
    },
    take(number) {
      const packet = packetOf.get(number)
      packetOf.delete(number)
      newest = Math.max(newest, number)
      return packet
    },
    countHeld,
    isBehind: () => countHeld() > usual,
    acceptHeld() {
      usual = Math.max(usual, Math.min(countHeld(), MAX_HELD_FRAMES))
    },
  }
}
