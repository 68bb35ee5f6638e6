import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'

import { deriveVapidSecret } from '../../../../shared/net/signing.ts'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'

/** The key pair by which push services know this platform (RFC 8292), in base64url. */
export type VapidKeys = { readonly publicKey: string; readonly privateKey: string }

/** A key of P-256 in PKCS #8 without its public half (RFC 5915), up to the 32 bytes of the key. */
const PKCS8_HEAD = hexToBytes('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420')
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }

let derived: { readonly internalKey: string; readonly keys: Promise<VapidKeys> } | null = null

/** Returns the key pair, derived from the internal key: all gateways have the same, and none is stored. */
export function readVapidKeys(internalKey: string): Promise<VapidKeys> {
  if (derived?.internalKey !== internalKey) derived = { internalKey, keys: deriveKeys(internalKey) }
  return derived.keys
}

async function deriveKeys(internalKey: string): Promise<VapidKeys> {
  const pkcs8 = concatBytes(PKCS8_HEAD, hexToBytes(deriveVapidSecret(internalKey)))
  const key = await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), ALGORITHM, true, ['sign'])
  const { x = '', y = '', d = '' } = await crypto.subtle.exportKey('jwk', key)
  // The uncompressed point (SEC 1 §2.3.3).
  const point = concatBytes(new Uint8Array([4]), decodeBase64Url(x), decodeBase64Url(y))
  return { publicKey: encodeBase64Url(point), privateKey: d }
}
