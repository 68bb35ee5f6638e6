import { hashText } from '../../../shared/net/hash.ts'
import { newCode } from '../new-code.ts'

/** A new stream key, and what is stored of it. */
export type StreamKey = { readonly key: string; readonly hash: string }

/** Returns a new stream key of 128 random bits. The key itself is not stored. */
export function newStreamKey(): StreamKey {
  const key = `sk-${newCode()}`
  return { key, hash: hashText(key) }
}
