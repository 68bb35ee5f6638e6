import { findRootName } from './read-xml.ts'

/** Decodes an MPD's text: UTF-8, or UTF-16 by its byte order mark (XML 1.0 §4.3.3). */
export function decodeMpd(bytes: Uint8Array): string {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder().decode(bytes)
}

/** Media types of an MPD (ISO/IEC 23009-1 annex C). */
const MPD_TYPE = /^\s*(?:application|video)\/(?:vnd\.mpeg\.)?dash(?:\.mpd)?\+xml/i

/** Reports whether an answer is an MPD, by its first bytes, or else by its content type. */
export function isMpd(bytes: Uint8Array, headers: Pick<Headers, 'get'>): boolean {
  const root = findRootName(decodeMpd(bytes.subarray(0, 256 * 1024)))
  return root === null ? MPD_TYPE.test(headers.get('content-type') ?? '') : root === 'MPD'
}
