import { bytesToHex } from '@noble/hashes/utils.js'

const CODE_BYTES = 16

/** Returns a new invitation code, 32 hex digits. */
export function newInvitationCode(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(CODE_BYTES)))
}
