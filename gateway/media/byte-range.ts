/** A requested range: bytes of the file (`end` included), the whole file, or bytes that it does not have. */
export type RequestedRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: RequestedRange = { kind: 'whole' }

/**
 * Parses a `Range` header with one range of bytes (RFC 9110 §14.2). Several ranges, other units and malformed headers
 * mean the whole file, as the standard allows.
 */
export function parseRange(header: string | undefined, size: number): RequestedRange {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header ?? '') ?? []
  if (first === '') return last === '' ? WHOLE : partOf(Math.max(0, size - Number(last)), size - 1, size)
  const end = last === '' ? Infinity : Number(last)
  return end < Number(first) ? WHOLE : partOf(Number(first), end, size)
}

function partOf(start: number, end: number, size: number): RequestedRange {
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'part', start, end: Math.min(end, size - 1) }
}
