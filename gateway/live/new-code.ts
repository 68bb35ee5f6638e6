import { bytesToHex } from '@noble/hashes/utils.js'

const CODE_BYTES = 16

/** Returns a secret code of 128 random bits, as 32 hex digits. */
export function newCode(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(CODE_BYTES)))
}
