import type { SegmentEncryption } from '../stream.ts'
import { readDataUrl } from './data-url.ts'
import type { AttributeList } from './playlist-lines.ts'

/** An EXT-X-KEY that applies to the segments after it (RFC 8216 §4.3.2.4). */
export type DeclaredKey =
  | { readonly kind: 'none' }
  /** `iv`: 32 hex digits; `null` where the segment's number is the vector. */
  | { readonly kind: 'aes-128'; readonly keyUrl: string; readonly iv: string | null }
  | { readonly kind: 'drm'; readonly method: string }

/** A key whose URI is not known: segments that it encrypts fail for their key, and are not taken for clear ones. */
export const UNREADABLE_KEY: DeclaredKey = { kind: 'aes-128', keyUrl: 'unknown:', iv: null }

/**
 * Reads an EXT-X-KEY; `null` where it lacks its method. `resolve` makes its URI absolute. A method, key format or URI
 * that only licensed players know is DRM.
 */
export function readKey(attributes: AttributeList, resolve: (uri: string) => string | null): DeclaredKey | null {
  const method = attributes.get('METHOD')?.toUpperCase()
  if (method === undefined || method === '') return null
  if (method === 'NONE') return { kind: 'none' }
  const uri = attributes.get('URI') ?? ''
  const keyUrl = readDataKey(uri) === null ? resolve(uri) : uri
  if (method !== 'AES-128' || !isIdentity(attributes) || keyUrl === null) return { kind: 'drm', method }
  return { kind: 'aes-128', keyUrl, iv: readVector(attributes) }
}

/** Size of an AES-128 key in bytes (RFC 8216 §4.3.2.4). */
export const KEY_BYTES = 16

/** Returns the key that a `data:` URL holds; `null` for any other URL and a key of another size. */
export function readDataKey(url: string): Uint8Array | null {
  const key = readDataUrl(url)
  return key?.length === KEY_BYTES ? key : null
}

function isIdentity(attributes: AttributeList): boolean {
  const format = attributes.get('KEYFORMAT')
  return format === undefined || format === 'identity'
}

function readVector(attributes: AttributeList): string | null {
  const digits = /^0x([0-9a-f]{1,32})$/i.exec(attributes.get('IV') ?? '')?.[1]
  return digits === undefined ? null : digits.padStart(32, '0').toLowerCase()
}

/** Returns the encryption of the segment with this media sequence number, the vector where the key has none. */
export function encryptionOf(key: DeclaredKey, sequence: number): SegmentEncryption | null {
  if (key.kind === 'none') return null
  if (key.kind === 'drm') return key
  const { keyUrl, iv } = key
  const counter = BigInt.asUintN(128, BigInt(sequence)).toString(16).padStart(32, '0')
  return { kind: 'aes-128', keyUrl, iv: iv ?? counter, hasOwnIv: iv !== null }
}
