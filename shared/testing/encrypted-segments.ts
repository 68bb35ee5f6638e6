import { createCipheriv, createHash } from 'node:crypto'

const SEGMENTS_PER_KEY = 4

/** Returns the number of the key of a segment, by the index of the segment. */
export function keyNumberOf(index: number): number {
  return Math.floor(index / SEGMENTS_PER_KEY)
}

/** Derives the AES-128 key of a number. */
export function deriveKey(number: number): Buffer {
  return createHash('sha256').update(`key ${number}`).digest().subarray(0, 16)
}

/** Encrypts a segment; the initialization vector is its media sequence number (RFC 8216 §5.2). */
export function encryptSegment(body: Buffer, index: number): Buffer {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(index, 12)
  const cipher = createCipheriv('aes-128-cbc', deriveKey(keyNumberOf(index)), iv)
  return Buffer.concat([cipher.update(body), cipher.final()])
}
