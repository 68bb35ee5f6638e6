import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

const ALGORITHM = 'AES-GCM'
/** Size of the initialization vector (NIST SP 800-38D §8.2). */
const VECTOR_BYTES = 12
/** Use of the derived key: no other key of the gateway is the same. */
const PURPOSE = utf8ToBytes('tallylight/live/target-key')

/**
 * Encrypts the stream key of another platform for its row, by AES-256-GCM under a key that HKDF derives from the gateway's
 * internal key (RFC 5869). It can be decrypted as the key of this target only.
 */
export async function sealKey(internalKey: string, targetId: string, key: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(VECTOR_BYTES))
  const secret = await deriveKey(internalKey)
  const sealed = await crypto.subtle.encrypt(parametersFor(targetId, iv), secret, toBytes(key))
  return bytesToHex(concatBytes(iv, new Uint8Array(sealed)))
}

/** Returns a stream key as it was before `sealKey`; `null` where the internal key was another one, or the row was altered. */
export async function openKey(internalKey: string, targetId: string, sealed: string): Promise<string | null> {
  try {
    const bytes = hexToBytes(sealed)
    const secret = await deriveKey(internalKey)
    const parameters = parametersFor(targetId, bytes.slice(0, VECTOR_BYTES))
    const opened = await crypto.subtle.decrypt(parameters, secret, bytes.slice(VECTOR_BYTES))
    return new TextDecoder().decode(opened)
  } catch {
    return null
  }
}

function parametersFor(targetId: string, iv: Uint8Array<ArrayBuffer>) {
  return { name: ALGORITHM, iv, additionalData: toBytes(targetId) }
}

async function deriveKey(internalKey: string) {
  const material = await crypto.subtle.importKey('raw', toBytes(internalKey), 'HKDF', false, ['deriveKey'])
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: new Uint8Array(PURPOSE) }
  return crypto.subtle.deriveKey(derivation, material, { name: ALGORITHM, length: 256 }, false, ['encrypt', 'decrypt'])
}

/** Returns a text in UTF-8, as bytes that the types of WebCrypto accept. */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(utf8ToBytes(text))
}
