import { decodeManifest } from '../playlist/decode-manifest.ts'
import { findRootName } from './read-xml.ts'

/** Media types of an MPD (ISO/IEC 23009-1 annex C). */
const MPD_TYPE = /^\s*(?:application|video)\/(?:vnd\.mpeg\.)?dash(?:\.mpd)?\+xml/i

/** Reports whether an answer is an MPD, by its first bytes, or else by its content type. */
export function isMpd(bytes: Uint8Array, headers: Pick<Headers, 'get'>): boolean {
  const root = findRootName(decodeManifest(bytes.subarray(0, 256 * 1024)))
  return root === null ? MPD_TYPE.test(headers.get('content-type') ?? '') : root === 'MPD'
}
