import * as v from 'valibot'

/** Refuses texts with a NUL, which Postgres does not store: in keys and values, at any depth. */
export function withoutNul<Input>() {
  return v.check((value: Input) => !holdsNul(value), 'must hold no NUL character')
}

function holdsNul(value: unknown): boolean {
  const open: unknown[] = [value]
  // A list that grows, not recursion: how deep others nest is up to them.
  for (const one of open) {
    if (typeof one === 'string' && one.includes('\0')) return true
    if (typeof one === 'object' && one !== null) for (const pair of Object.entries(one)) open.push(...pair)
  }
  return false
}
