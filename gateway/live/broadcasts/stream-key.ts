import { hashText } from '../../../shared/net/hash.ts'
import { deriveStreamKey } from '../../../shared/net/signing.ts'
import { newCode } from '../new-code.ts'

/** A new stream key, and what is stored of it. */
export type StreamKey = { readonly key: string; readonly hash: string }

/** Returns a new stream key of 128 random bits. The key itself is not stored. */
export function newStreamKey(): StreamKey {
  return toStreamKey(newCode())
}

/** Returns the first key of a broadcast whose creation may be answered again: it is derived, so that it is not stored. */
export function repeatableStreamKey(internalKey: string, streamId: string): StreamKey {
  return toStreamKey(deriveStreamKey(internalKey, streamId))
}

function toStreamKey(code: string): StreamKey {
  const key = `sk-${code}`
  return { key, hash: hashText(key) }
}
