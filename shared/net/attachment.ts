/** What no file system takes in a name, and what hides a part of it: controls, marks of direction and lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069/\\:*?"<>|]/gu
/** Most characters of a name; file systems take 255 bytes, and a character of a title has four at most. */
const MAX_CHARS = 60
/** What the first form of a name may not have: `%` is unescaped by some clients (RFC 6266 appendix D). */
const NOT_PLAIN = /[^\x20-\x7e]|%/gu
/** What `encodeURIComponent` leaves, and RFC 8187 §3.2.1 does not allow. */
const UNESCAPED = /['()*]/g

/**
 * Returns `Content-Disposition` of a file that is saved under a title (RFC 6266): its name in ASCII for all clients, and in
 * UTF-8 for those that read it. A title of which nothing is left makes the name `file`.
 */
export function formatAttachment(title: string, extension: string): string {
  const name = `${cleanTitle(title)}.${extension}`
  const escaped = encodeURIComponent(name).replaceAll(
    UNESCAPED,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${name.replaceAll(NOT_PLAIN, '_')}"; filename*=UTF-8''${escaped}`
}

/** Returns a title without what a file name may not have: dots and blanks at its ends neither. */
function cleanTitle(title: string): string {
  const characters = Array.from(title.replaceAll(UNSAFE, '_')).slice(0, MAX_CHARS)
  return characters.join('').replaceAll(/^[\s.]+|[\s.]+$/gu, '') || 'file'
}
