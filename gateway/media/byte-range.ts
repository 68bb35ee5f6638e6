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
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return WHOLE
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Number(last)
  if (first !== '' && last !== '' && start > end) return WHOLE
  if (start >= size) return { kind: 'unsatisfiable' }
  return { kind: 'part', start, end: Math.min(end, size - 1) }
}
