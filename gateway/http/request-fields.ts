import * as v from 'valibot'

import { checkUrl, type AddressPolicy } from '../../shared/net/safe-url.ts'

const MAX_URL_LENGTH = 2048
const MAX_METADATA_BYTES = 16 * 1024
const MAX_METADATA_DEPTH = 20

/** Returns the schema of a number from `min` to `max`; the error message ends with `unit`, which begins with a blank. */
export function numberIn(min: number, max: number, unit = '') {
  const message = `must be a number from ${min} to ${max}${unit}`
  return v.pipe(v.number(message), v.minValue(min, message), v.maxValue(max, message))
}

/** Returns the schema of a whole number from `min` to `max`, as `numberIn`. */
export function intIn(min: number, max: number, unit = '') {
  const message = `must be a whole number from ${min} to ${max}${unit}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message))
}

/** An object that is no array: object schemas accept arrays. */
export const PlainObject = v.custom<Record<string, unknown>>(isPlainObject, 'must be an object')

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Metadata that is returned with each webhook: any JSON object up to 16 KiB. */
export const Metadata = v.pipe(
  PlainObject,
  v.check((value) => depthOf(value) <= MAX_METADATA_DEPTH, `must not nest deeper than ${MAX_METADATA_DEPTH} levels`),
  v.check(fitsMetadata, `must not be larger than ${MAX_METADATA_BYTES / 1024} KiB as JSON`),
)

/** Returns the levels of nesting, at most one over the limit. It does not recurse: deep input would overflow the stack. */
function depthOf(value: unknown): number {
  let level: unknown[] = [value]
  for (let depth = 0; depth <= MAX_METADATA_DEPTH; depth++) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
    if (level.length === 0) return depth + 1
  }
  return MAX_METADATA_DEPTH + 1
}

function fitsMetadata(value: Record<string, unknown>): boolean {
  if (depthOf(value) > MAX_METADATA_DEPTH) return true
  return new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA_BYTES
}

/** A date-time of RFC 3339 §5.6; the day must exist. */
const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

/** Accepted years: with any offset applied, they stay in the range of every clock that is used. */
const FIRST_YEAR = 1970
const LAST_YEAR = 9998

const NO_MOMENT = `must be an RFC 3339 time such as 2027-01-31T20:00:00Z, from ${FIRST_YEAR} to ${LAST_YEAR}`

/** A moment in RFC 3339. */
export const Moment = v.pipe(v.string(NO_MOMENT), v.check(isMoment, NO_MOMENT))

function isMoment(text: string): boolean {
  const day = RFC_3339.exec(text)?.[1]
  if (day === undefined) return false
  const midnight = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return false
  return midnight.getUTCFullYear() >= FIRST_YEAR && midnight.getUTCFullYear() <= LAST_YEAR
}

const TOO_LONG = `must not be longer than ${MAX_URL_LENGTH} characters once it is written in ASCII`

/** Returns the schema of a URL of any scheme, as a user writes it. */
function urlText() {
  return v.pipe(
    v.string('must be a URL, as a string'),
    v.nonEmpty('must not be empty'),
    v.maxLength(MAX_URL_LENGTH, `must not be longer than ${MAX_URL_LENGTH} characters`),
  )
}

/** A URL as it was read, or what is wrong with it, in words for the user. */
export type UrlReading<Read> =
  | { readonly ok: true; readonly read: Read }
  | { readonly ok: false; readonly problem: string }

/** Returns the schema of a URL that `read` parses; its ASCII spelling, by `hrefOf`, must not be too long either. */
export function urlField<Read>(read: (text: string) => UrlReading<Read>, hrefOf: (read: Read) => string) {
  return v.pipe(
    urlText(),
    v.rawTransform(({ dataset, addIssue, NEVER }): Read => {
      const reading = read(dataset.value)
      if (reading.ok) return reading.read
      addIssue({ message: reading.problem })
      return NEVER
    }),
    v.check((value) => hrefOf(value).length <= MAX_URL_LENGTH, TOO_LONG),
  )
}

/** Returns the schema of an http or https URL that the gateway calls, guarded by the settings' policy. */
export function guardedUrl(policy: AddressPolicy) {
  const read = (text: string): UrlReading<string> => {
    const verdict = checkUrl(text, policy)
    return verdict.ok ? { ok: true, read: verdict.url.href } : verdict
  }
  return urlField(read, (href) => href)
}
