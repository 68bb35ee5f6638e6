/** Readers of the values of an MPD. A value beyond its bounds is taken for unreadable, so that no later sum overflows. */

import type { ByteRange } from '../../platform/http.ts'
import { parseDateTime } from '../playlist/playlist-numbers.ts'

/** Longest duration in seconds: 200 years, for presentations whose clock begins in 1970. */
const MAX_DURATION_SEC = 200 * 366 * 86_400

/** Longest text of a value. Programs print as many digits of a fraction as their numbers hold, and more. */
const MAX_VALUE_LENGTH = 64

/** Years, months, days, hours, minutes and seconds, in seconds. */
const UNITS_SEC = [365 * 86_400, 30 * 86_400, 86_400, 3600, 60, 1]

/** Parses an xs:duration such as `PT1H2M3.5S` to seconds, a year as 365 and a month as 30 days; `null` for other text. */
export function parseDurationSec(text: string | undefined): number | null {
  const pattern =
    /^\s*P(?:(\d{1,10})Y)?(?:(\d{1,10})M)?(?:(\d{1,10})D)?(?:T(?:(\d{1,10})H)?(?:(\d{1,10})M)?(?:(\d{1,12}(?:\.\d*)?)S)?)?\s*$/
  const parts = pattern.exec(boundedText(text))?.slice(1) ?? []
  if (parts.every((part) => part === undefined)) return null
  const sec = parts.reduce((sum, part, index) => sum + Number(part ?? 0) * (UNITS_SEC[index] ?? 0), 0)
  return sec <= MAX_DURATION_SEC ? sec : null
}

/** Returns a value's text; an empty one where there is none, or it is too long. */
function boundedText(text: string | undefined): string {
  return text === undefined || text.length > MAX_VALUE_LENGTH ? '' : text
}

/** Parses an xs:dateTime to ms since 1970. One without a time zone is UTC, as MPDs mean it; `null` for other text. */
export function parseTime(text: string | undefined): number | null {
  const trimmed = (text ?? '').trim().slice(0, MAX_VALUE_LENGTH)
  if (!/^\d{4}-\d\d-\d\dT/.test(trimmed)) return null
  // Of the fraction of a second, JavaScript reads any number of digits.
  return parseDateTime(/(?:Z|[+-]\d\d:?\d\d)$/i.test(trimmed) ? trimmed : `${trimmed}Z`)
}

/**
 * Parses a whole number from 0 to 2^64, such as a media time that JavaScript numbers do not hold; else `null`. Players
 * read one that is written as a decimal, such as `1000.0`.
 */
export function parseUnsigned(text: string | undefined): bigint | null {
  const digits = /^\s*\+?(\d{1,20})(?:\.0{0,20})?\s*$/.exec(text ?? '')?.[1]
  if (digits === undefined) return null
  const value = BigInt(digits)
  return value < 2n ** 64n ? value : null
}

/** Parses a whole number that JavaScript holds exactly, and not below 0; else `null`. */
export function parseCount(text: string | undefined): number | null {
  const value = parseUnsigned(text)
  return value !== null && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null
}

/** Parses a decimal number above 0, such as a duration in units of a timescale; else `null`. */
export function parsePositive(text: string | undefined): number | null {
  const value = Number(/^\s*\+?(\d{1,16}(?:\.\d*)?)\s*$/.exec(boundedText(text))?.[1] ?? Number.NaN)
  return value > 0 ? value : null
}

/** Parses a byte range such as `800-1799` (ISO/IEC 23009-1 §5.3.9.2.2); `null` for other text and one without an end. */
export function parseMediaRange(text: string | undefined): ByteRange | null {
  const match = /^\s*(\d{1,15})-(\d{1,15})\s*$/.exec(text ?? '')
  if (match === null) return null
  const [offset, last] = [Number(match[1]), Number(match[2])]
  return last >= offset ? { offset, length: last - offset + 1 } : null
}
