import { randomBytes } from 'node:crypto'

import { RtmpError } from './rtmp-error.ts'

/** Size of C1, C2, S1 and S2 (RTMP 1.0 §5.2.3). */
const PART_BYTES = 1536
const VERSION = 3
/** Size of the two times before the random bytes of C1 and S1. */
const TIMES_BYTES = 8

/** The server's side of a handshake. */
export type Handshake = {
  /**
   * Takes received bytes. Returns the bytes after the handshake once it is complete, before that `null`.
   * @throws RtmpError where the client speaks another version
   */
  receive(bytes: Buffer): Buffer | null
}

/** Creates a handshake (RTMP 1.0 §5.2) that answers C0 and C1 with S0, S1 and S2, and then waits for C2. */
export function createHandshake(write: (bytes: Buffer) => void): Handshake {
  let received: Buffer = Buffer.alloc(0)
  let hasAnswered = false
  return {
    receive(bytes) {
      received = Buffer.concat([received, bytes])
      if (received.length === 0) return null
      if (received[0] !== VERSION) throw new RtmpError(`version ${received[0]} of RTMP is not supported`)
      if (!hasAnswered && received.length > PART_BYTES) {
        hasAnswered = true
        write(answer(received.subarray(1, 1 + PART_BYTES)))
      }
      const end = 1 + 2 * PART_BYTES
      return received.length < end ? null : received.subarray(end)
    },
  }
}

/** Returns S0, S1 and S2. S2 repeats C1; the content of C2 is not checked, as encoders fill it in different ways. */
function answer(c1: Buffer): Buffer {
  const s1 = randomBytes(PART_BYTES).fill(0, 0, TIMES_BYTES)
  return Buffer.concat([Buffer.from([VERSION]), s1, c1])
}
