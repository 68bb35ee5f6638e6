import type { ByteRange } from '../../platform/http.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { type MasterPlaylist, toMasterPlaylist } from './master-playlist.ts'
import { parseM3u8, type RawManifest, type RawSegment, resolveHttpUrl } from './parse-m3u8.ts'

export type ParsedPlaylist =
  | { readonly kind: 'media'; readonly playlist: StreamPlaylist }
  | { readonly kind: 'master'; readonly master: MasterPlaylist }
  /** `reason` completes "the answer …", such as "is HTML, not a playlist". */
  | { readonly kind: 'invalid'; readonly reason: string }

/** Size limit of a playlist. Twelve hours of 5 s segments with URLs of 1 kB stay below it. */
export const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024

/**
 * Parses an HLS playlist (RFC 8216). References resolve against `baseUrl`, the playlist's URL after redirects; one to
 * another scheme than http(s) makes the playlist invalid. Gaps (EXT-X-GAP) and partial segments are left out.
 */
export function parsePlaylist(text: string, baseUrl: string): ParsedPlaylist {
  const reason = findInvalidReason(text)
  if (reason !== null) return { kind: 'invalid', reason }
  const manifest = parseM3u8(text)
  if (manifest === null) return { kind: 'invalid', reason: 'is a malformed playlist' }
  if (manifest.playlists.length > 0) {
    const master = toMasterPlaylist(manifest, baseUrl)
    if (master.variants.length > 0) return { kind: 'master', master }
    return { kind: 'invalid', reason: 'is a master playlist without a variant that has an http(s) URL' }
  }
  if (manifest.targetDuration === undefined && manifest.segments.length === 0) {
    return { kind: 'invalid', reason: 'is a playlist with neither segments nor variants' }
  }
  return toMediaPlaylist(manifest, HAS_MEDIA_SEQUENCE.test(text), baseUrl)
}

/** m3u8-parser reports 0 for a missing tag, as for one with the value 0. */
const HAS_MEDIA_SEQUENCE = /^\s*#EXT-X-MEDIA-SEQUENCE:-?\d/m

function findInvalidReason(text: string): string | null {
  const start = text
    .slice(0, 1000)
    .replace(/^\uFEFF/, '')
    .trimStart()
  if (text.length > MAX_PLAYLIST_BYTES) return `is larger than ${MAX_PLAYLIST_BYTES} bytes`
  if (start === '') return 'is empty'
  if (start.startsWith('#EXTM3U')) return null
  if (/<MPD[\s>]/.test(start)) return 'is an MPEG-DASH manifest, not an HLS playlist'
  if (start.startsWith('<')) return 'is HTML or XML, not a playlist'
  if (/^[{[]/.test(start)) return 'is JSON, not a playlist'
  return 'does not begin with #EXTM3U'
}

function toMediaPlaylist(manifest: RawManifest, isNumbered: boolean, baseUrl: string): ParsedPlaylist {
  const first = isNumbered ? (manifest.mediaSequence ?? 0) : null
  const times = computeProgramTimes(manifest.segments)
  const segments: StreamSegment[] = []
  let longestSec = 0
  for (const [index, raw] of manifest.segments.entries()) {
    const reference = toReference(raw, baseUrl)
    if (reference === null) return { kind: 'invalid', reason: 'has a reference that is not an http(s) URL' }
    if (raw.custom?.gap !== undefined) continue
    longestSec = Math.max(longestSec, raw.duration)
    segments.push({
      ...reference,
      sequence: first === null ? null : first + index,
      durationSec: raw.duration,
      programDateTimeMs: times[index] ?? null,
      discontinuity: raw.discontinuity,
      encryption: findEncryption(raw, manifest),
    })
  }
  const targetDurationSec = manifest.targetDuration ?? Math.ceil(longestSec)
  return { kind: 'media', playlist: { segments, targetDurationSec, isEnded: manifest.endList } }
}

/** Resolves the URLs of a segment and its initialization section; `null` for another scheme than http(s). */
function toReference(raw: RawSegment, baseUrl: string): Pick<StreamSegment, 'url' | 'byteRange' | 'map'> | null {
  const url = resolveHttpUrl(raw.uri, baseUrl)
  if (url === null) return null
  const segment = { url, byteRange: toByteRange(raw) }
  if (raw.map === undefined) return { ...segment, map: null }
  const mapUrl = resolveHttpUrl(raw.map.uri, baseUrl)
  return mapUrl === null ? null : { ...segment, map: { url: mapUrl, byteRange: toByteRange(raw.map) } }
}

/** Returns the encryption method of a segment. DRM is declared for the playlist, not for the segment. */
function findEncryption(raw: RawSegment, { contentProtection }: RawManifest): string | null {
  return raw.key?.method ?? (contentProtection === undefined ? null : 'SAMPLE-AES')
}

function toByteRange(raw: Pick<RawSegment, 'byterange'>): ByteRange | null {
  return raw.byterange === undefined ? null : { offset: raw.byterange.offset, length: raw.byterange.length }
}

/**
 * Returns the program date-time of each segment's start in ms since 1970: its own, or derived from the nearest one by
 * the durations between, forward and back (RFC 8216 §6.3.3). A discontinuity is not crossed, as clocks may jump there.
 */
function computeProgramTimes(segments: readonly RawSegment[]): readonly (number | null)[] {
  const times: (number | null)[] = []
  let next: number | null = null
  for (const segment of segments) {
    const time: number | null = parseDateTime(segment) ?? (segment.discontinuity ? null : next)
    times.push(time)
    next = time === null ? null : time + segment.duration * 1000
  }
  let following: number | null = null
  for (const [index, segment] of [...segments.entries()].toReversed()) {
    const time: number | null = times[index] ?? (following === null ? null : following - segment.duration * 1000)
    times[index] = time
    following = segment.discontinuity ? null : time
  }
  return times.map((time) => (time === null ? null : Math.round(time)))
}

function parseDateTime({ dateTimeObject }: RawSegment): number | null {
  const time = dateTimeObject?.getTime() ?? Number.NaN
  return Number.isNaN(time) ? null : time
}
