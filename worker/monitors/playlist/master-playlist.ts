import type { StreamRendition } from '../stream.ts'
import { type RawManifest, type RawVariant, resolveHttpUrl } from './parse-m3u8.ts'

/** One EXT-X-STREAM-INF (RFC 8216 §4.3.4.2). Fields that the playlist lacks are `null`. */
export type StreamVariant = {
  readonly url: string
  readonly bandwidth: number | null
  /** Height of the picture. */
  readonly lines: number | null
  readonly hasPicture: boolean
  readonly hasSound: boolean
  /** The separate playlist of its sound (EXT-X-MEDIA with a URI), if any. */
  readonly soundUrl: string | null
}

/** A master playlist without its I-frame playlists and media other than sound. */
export type MasterPlaylist = { readonly variants: readonly StreamVariant[] }

/** Converts a parsed manifest to a master playlist. Variants without an http(s) URL are left out. */
export function toMasterPlaylist(manifest: RawManifest, baseUrl: string): MasterPlaylist {
  const variants = manifest.playlists.flatMap((raw) => {
    const url = resolveHttpUrl(raw.uri, baseUrl)
    return url === null ? [] : [toVariant(raw, url, findSoundUrl(manifest, raw, baseUrl))]
  })
  return { variants }
}

/** RFC 6381 names of picture codecs and of sound codecs. */
const PICTURE_CODEC = /^(?:avc|hvc|hev|dvh|dva|vp0?[89]|av01|mp4v)/i
const SOUND_CODEC = /^(?:mp4a|ac-[34]|ec-3|opus|flac|alac|mp3|dts)/i

function toVariant({ attributes }: RawVariant, url: string, soundUrl: string | null): StreamVariant {
  const codecs = attributes.CODECS?.split(',').map((codec) => codec.trim()) ?? null
  const lines = attributes.RESOLUTION?.height ?? null
  return {
    url,
    bandwidth: attributes.BANDWIDTH ?? null,
    lines,
    hasPicture: lines !== null || codecs === null || codecs.some((codec) => PICTURE_CODEC.test(codec)),
    hasSound: soundUrl !== null || codecs === null || codecs.some((codec) => SOUND_CODEC.test(codec)),
    soundUrl,
  }
}

/** Returns the playlist of a variant's sound; `null` if it is inside the variant itself (RFC 8216 §4.3.4.2.1). */
function findSoundUrl(manifest: RawManifest, { attributes }: RawVariant, baseUrl: string): string | null {
  const groups = new Map(Object.entries(manifest.mediaGroups.AUDIO))
  const group = Object.values(groups.get(attributes.AUDIO ?? '') ?? {})
  const chosen = group.find((audio) => audio.default) ?? group.find((audio) => audio.autoselect) ?? group[0]
  return chosen?.uri === undefined ? null : resolveHttpUrl(chosen.uri, baseUrl)
}

/**
 * Selects the renditions to monitor. The variant with picture and sound, the fewest lines, then the lowest bandwidth is
 * best; one with only a picture is next, sound alone is last. A separate playlist of sound makes a second rendition.
 */
export function selectRenditions(master: MasterPlaylist): readonly StreamRendition[] {
  const chosen = master.variants.toSorted(compareVariants)[0]
  if (chosen === undefined) return []
  if (!chosen.hasPicture || chosen.soundUrl === null) return [{ url: chosen.url, tracks: 'both' }]
  return [
    { url: chosen.url, tracks: 'picture' },
    { url: chosen.soundUrl, tracks: 'sound' },
  ]
}

function compareVariants(a: StreamVariant, b: StreamVariant): number {
  return (
    rankMissingTracks(a) - rankMissingTracks(b) ||
    compareNullable(a.lines, b.lines) ||
    compareNullable(a.bandwidth, b.bandwidth)
  )
}

function rankMissingTracks(variant: StreamVariant): number {
  return (variant.hasPicture ? 0 : 2) + (variant.hasSound ? 0 : 1)
}

/** Compares in ascending order, `null` last. */
function compareNullable(a: number | null, b: number | null): number {
  if (a === b) return 0
  return (a ?? Number.MAX_VALUE) - (b ?? Number.MAX_VALUE)
}
