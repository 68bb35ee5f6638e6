import { httpUrl, type RawManifest, type RawSegment, readManifest } from './m3u8.ts'
import { type MasterPlaylist, toMasterPlaylist } from './master-playlist.ts'
import type { ByteRange, MediaPlaylist, Segment } from './snapshot.ts'

export type ParsedPlaylist =
  | { readonly kind: 'media'; readonly playlist: MediaPlaylist }
  | { readonly kind: 'master'; readonly master: MasterPlaylist }
  /** `reason` completes "the answer …", such as "is HTML, not a playlist". */
  | { readonly kind: 'invalid'; readonly reason: string }

/** A playlist larger than this is refused: twelve hours of 5 s segments with URLs of 1 kB stay below it. */
export const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024

/**
 * Parses an HLS playlist (RFC 8216). `baseUrl` is where it was fetched from, after redirects: its URLs resolve against
 * that. Gaps (EXT-X-GAP) and partial segments are left out. A reference to anything but http(s) makes it invalid.
 */
export function parsePlaylist(text: string, baseUrl: string): ParsedPlaylist {
  const reason = whyNoPlaylist(text)
  if (reason !== null) return { kind: 'invalid', reason }
  const manifest = readManifest(text)
  if (manifest === null) return { kind: 'invalid', reason: 'is a malformed playlist' }
  if (manifest.playlists.length > 0) {
    const master = toMasterPlaylist(manifest, baseUrl)
    if (master.variants.length > 0) return { kind: 'master', master }
    return { kind: 'invalid', reason: 'is a master playlist without a variant that http(s) reaches' }
  }
  if (manifest.targetDuration === undefined && manifest.segments.length === 0) {
    return { kind: 'invalid', reason: 'is a playlist with neither segments nor variants' }
  }
  return toMediaPlaylist(manifest, HAS_MEDIA_SEQUENCE.test(text), baseUrl)
}

/** m3u8-parser fills in 0 where the tag is missing, and then counts as if it were there. */
const HAS_MEDIA_SEQUENCE = /^\s*#EXT-X-MEDIA-SEQUENCE:-?\d/m

function whyNoPlaylist(text: string): string | null {
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
  const times = programTimes(manifest.segments)
  const segments: Segment[] = []
  let longestSec = 0
  for (const [index, raw] of manifest.segments.entries()) {
    const reference = toReference(raw, baseUrl)
    if (reference === null) return { kind: 'invalid', reason: 'refers to what is not an http(s) URL' }
    if (raw.custom?.gap !== undefined) continue
    longestSec = Math.max(longestSec, raw.duration)
    segments.push({
      ...reference,
      sequence: first === null ? null : first + index,
      durationSec: raw.duration,
      programDateTimeMs: times[index] ?? null,
      discontinuity: raw.discontinuity,
      encryption: encryptionOf(raw, manifest),
    })
  }
  const targetDurationSec = manifest.targetDuration ?? Math.ceil(longestSec)
  return { kind: 'media', playlist: { segments, targetDurationSec, ended: manifest.endList } }
}

/** Where a segment and its init segment are; `null` where http(s) does not lead there. */
function toReference(raw: RawSegment, baseUrl: string): Pick<Segment, 'url' | 'byteRange' | 'map'> | null {
  const url = httpUrl(raw.uri, baseUrl)
  if (url === null) return null
  const segment = { url, byteRange: byteRange(raw) }
  if (raw.map === undefined) return { ...segment, map: null }
  const mapUrl = httpUrl(raw.map.uri, baseUrl)
  return mapUrl === null ? null : { ...segment, map: { url: mapUrl, byteRange: byteRange(raw.map) } }
}

/** DRM keys stand at the playlist, not at the segment. */
function encryptionOf(raw: RawSegment, { contentProtection }: RawManifest): string | null {
  return raw.key?.method ?? (contentProtection === undefined ? null : 'SAMPLE-AES')
}

function byteRange(raw: Pick<RawSegment, 'byterange'>): ByteRange | null {
  return raw.byterange === undefined ? null : { offset: raw.byterange.offset, length: raw.byterange.length }
}

/**
 * The program date-time of each segment's start in ms since 1970: as given, else carried on by durations, forward and
 * back from the nearest one given (RFC 8216 §6.3.3), but never across a discontinuity, where clocks may jump.
 */
function programTimes(segments: readonly RawSegment[]): readonly (number | null)[] {
  const times: (number | null)[] = []
  let next: number | null = null
  for (const segment of segments) {
    const time: number | null = givenTime(segment) ?? (segment.discontinuity ? null : next)
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

function givenTime({ dateTimeObject }: RawSegment): number | null {
  const time = dateTimeObject?.getTime() ?? Number.NaN
  return Number.isNaN(time) ? null : time
}
