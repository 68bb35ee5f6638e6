import * as v from 'valibot'

/** Half a surrogate pair without its other half, which Postgres does not store. */
const LONE_SURROGATE = /\p{Surrogate}/gu
const REPLACEMENT = '\uFFFD'

/** Returns a text with U+FFFD in place of each half of a surrogate pair, as UTF-8 writes it. */
export function toWellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, REPLACEMENT)
}

/** Returns the first `most` UTF-16 units of a text, without half a character at the end. */
export function cutText(text: string, most: number): string {
  return text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')
}

/** Returns a check that refuses NUL characters, which Postgres does not store: in keys and values, at any depth. */
export function withoutNul<Input>() {
  return v.check((value: Input) => !containsNul(value), 'must hold no NUL character')
}

function containsNul(value: unknown): boolean {
  const pending: unknown[] = [value]
  // A growing list instead of recursion: the sender decides how deep the value is nested.
  for (const next of pending) {
    if (typeof next === 'string' && next.includes('\0')) return true
    if (typeof next === 'object' && next !== null) for (const pair of Object.entries(next)) pending.push(...pair)
  }
  return false
}
