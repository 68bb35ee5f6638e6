import * as v from 'valibot'

import { invalidField } from '../errors.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
const MAX_OFFSET = 1_000_000

function queryNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.string('must be given once'),
    v.regex(/^\d{1,9}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

/** Takes an empty query parameter for one that is left out. */
export const EMPTY_IS_ABSENT = v.transform((text: string) => (text === '' ? undefined : text))

/** The query parameters of a list: the length of a page and where it begins. */
export const Limit = v.optional(queryNumber(1, MAX_LIMIT), String(DEFAULT_LIMIT))
export const Offset = v.optional(queryNumber(0, MAX_OFFSET), '0')
export const Cursor = v.optional(
  v.pipe(v.string('must be given once'), v.maxLength(200, 'is not a cursor of this list'), EMPTY_IS_ABSENT),
)

/** Returns a cursor for the row after which the next page begins; opaque to the client. */
export function toCursor(position: string): string {
  return btoa(position).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * Returns the position that a cursor holds.
 * @throws BrokenRule INVALID_CONFIG where it is not a cursor of this list
 */
export function fromCursor(cursor: string, expected: RegExp): string {
  const position = decode(cursor)
  if (position !== null && expected.test(position)) return position
  throw invalidField('cursor', 'is not a cursor of this list')
}

/** Rows of a list that make a page, and the cursor after them; `null`: it is the last page. */
export type CutPage<Row> = { readonly page: readonly Row[]; readonly nextCursor: string | null }

/** Returns the page of rows, of which one more than `limit` was read; the next page begins after a row's position. */
export function cutPage<Row>(rows: readonly Row[], limit: number, positionOf: (row: Row) => string): CutPage<Row> {
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return { page, nextCursor: last === undefined ? null : toCursor(positionOf(last)) }
}

function decode(cursor: string): string | null {
  try {
    return atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return null
  }
}
