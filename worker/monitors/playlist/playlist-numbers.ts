import { hrefOf } from '../../../shared/net/query-text.ts'
import { MAX_URL_LENGTH } from '../../platform/http.ts'

/** Bounds of numbers in playlists. A number beyond them is taken for unreadable, so that no later sum overflows. */
const MAX_SEGMENT_SEC = 3600
const MAX_TIME_MS = Date.UTC(2200, 0)
/** The numbers after it, of all segments that a playlist can hold, are still exact. */
const MAX_SEQUENCE = 2 ** 52

/** Parses a duration in seconds that begins a text, such as `4.004,title`; `null` unless it is above 0 and credible. */
export function parseSeconds(text: string): number | null {
  const sec = Number(/^\s*\+?(\d{1,9}(?:\.\d{0,20})?)/.exec(text)?.[1] ?? Number.NaN)
  return sec > 0 && sec <= MAX_SEGMENT_SEC ? sec : null
}

/** Parses a whole number that JavaScript holds exactly; `null` for another text. */
export function parseInteger(text: string | undefined): number | null {
  const value = Number(/^\s*([+-]?\d{1,20})\s*$/.exec(text ?? '')?.[1] ?? Number.NaN)
  return Number.isSafeInteger(value) ? value : null
}

/** Parses a media sequence number; `null` for another text, and for a number that cannot be counted on exactly. */
export function parseSequence(text: string | undefined): number | null {
  const value = parseInteger(text)
  return value !== null && Math.abs(value) <= MAX_SEQUENCE ? value : null
}

/** Parses an ISO 8601 date-time to ms since 1970; `null` where it is none or not within 1970 to 2200. */
export function parseDateTime(text: string): number | null {
  return credibleTime(Date.parse(text.trim()))
}

/** Returns a time in ms since 1970; `null` where it is not within 1970 to 2200. */
export function credibleTime(ms: number): number | null {
  return ms >= 0 && ms < MAX_TIME_MS ? ms : null
}

/** Parses a byte range such as `1000@800`; the offset is `null` where it is left out (RFC 8216 §4.3.2.2). */
export function parseByteRange(text: string): { readonly length: number; readonly offset: number | null } | null {
  const match = /^\s*(\d{1,15})(?:@(\d{1,15}))?\s*$/.exec(text)
  const length = Number(match?.[1] ?? 0)
  return length === 0 ? null : { length, offset: match?.[2] === undefined ? null : Number(match[2]) }
}

/** Resolves a reference to an absolute URL of http(s); `null` for an empty one, another scheme and a URL that is too long. */
export function resolveHttpUrl(reference: string, baseUrl: string): string | null {
  const url = reference === '' ? null : parseUrl(reference, baseUrl)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return null
  const href = hrefOf(url, reference)
  return href.length > MAX_URL_LENGTH ? null : href
}

/** Reports whether a reference is resolved without its base URL. */
export function isAbsoluteReference(reference: string): boolean {
  return /^https?:\/\//i.test(reference)
}

/** Parses a URL once: `canParse` before it would double the work for a playlist of thousands of references. */
function parseUrl(reference: string, baseUrl: string): URL | null {
  try {
    return isAbsoluteReference(reference) ? new URL(reference) : new URL(reference, baseUrl)
  } catch {
    return null
  }
}
