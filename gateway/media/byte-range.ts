/** What a `Range` header asks for: bytes of the file (`end` included), all of it, or what it does not have. */
export type RangeVerdict =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: RangeVerdict = { kind: 'whole' }

/**
 * Reads a `Range` header (RFC 9110 §14.2): one range of bytes. Of several, of other units and of what is malformed the
 * whole file is given, as the standard allows.
 */
export function readRange(header: string | undefined, size: number): RangeVerdict {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header ?? '') ?? []
  if (first === '') return last === '' ? WHOLE : partOf(Math.max(0, size - Number(last)), size - 1, size)
  const end = last === '' ? Infinity : Number(last)
  return end < Number(first) ? WHOLE : partOf(Number(first), end, size)
}

function partOf(start: number, end: number, size: number): RangeVerdict {
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'part', start, end: Math.min(end, size - 1) }
}
