import * as v from 'valibot'

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
