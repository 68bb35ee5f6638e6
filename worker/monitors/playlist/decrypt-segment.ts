import { createDecipheriv } from 'node:crypto'

/** Size of a block of AES in bytes. */
export const BLOCK_BYTES = 16

/**
 * Decrypts AES-128-CBC with PKCS7 padding (RFC 8216 §4.3.2.4); `iv` in hex digits. Of a segment that is cut short whole
 * blocks are decrypted. Padding that is not valid stays: the decoder judges the media.
 */
export function decryptAes128(bytes: Uint8Array, key: Uint8Array, iv: string): Uint8Array {
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.from(iv, 'hex'))
  decipher.setAutoPadding(false)
  const whole = bytes.subarray(0, bytes.length - (bytes.length % BLOCK_BYTES))
  const clear = Buffer.concat([decipher.update(whole), decipher.final()])
  return clear.subarray(0, clear.length - countPadding(clear))
}

/** Returns the length of valid PKCS7 padding (RFC 5652 §6.3); 0 where there is none. */
function countPadding(clear: Uint8Array): number {
  const count = clear.at(-1) ?? 0
  if (count < 1 || count > BLOCK_BYTES) return 0
  return clear.subarray(-count).every((byte) => byte === count) ? count : 0
}
