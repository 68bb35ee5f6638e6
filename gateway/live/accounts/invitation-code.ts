import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

const CODE_BYTES = 16

/** Returns a new invitation code, 32 hex digits. */
export function newInvitationCode(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(CODE_BYTES)))
}

/** Returns the hash under which an invitation is stored: SHA-256, in hex. */
export function hashInvitation(code: string): string {
  return bytesToHex(sha256(utf8ToBytes(code)))
}
