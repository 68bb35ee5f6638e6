import { httpUrl, type RawManifest, type RawVariant } from './m3u8.ts'
import type { Rendition } from './snapshot.ts'

/** One EXT-X-STREAM-INF (RFC 8216 §4.3.4.2); what the playlist does not say is `null`. */
export type Variant = {
  readonly url: string
  readonly bandwidth: number | null
  /** Height of the picture. */
  readonly lines: number | null
  readonly hasPicture: boolean
  readonly hasSound: boolean
  /** Where its sound is a playlist of its own (EXT-X-MEDIA with a URI), that playlist. */
  readonly soundUrl: string | null
}

/** A master playlist; I-frame playlists and other media than sound are left out. At least one variant. */
export type MasterPlaylist = { readonly variants: readonly Variant[] }

/** Turns a parsed manifest into a master playlist; variants that http(s) does not reach are left out. */
export function toMasterPlaylist(manifest: RawManifest, baseUrl: string): MasterPlaylist {
  const variants = manifest.playlists.flatMap((raw) => {
    const url = httpUrl(raw.uri, baseUrl)
    return url === null ? [] : [toVariant(raw, url, soundUrl(manifest, raw, baseUrl))]
  })
  return { variants }
}

/** RFC 6381 names of what carries a picture, and of what carries sound. */
const PICTURE_CODEC = /^(?:avc|hvc|hev|dvh|dva|vp0?[89]|av01|mp4v)/i
const SOUND_CODEC = /^(?:mp4a|ac-[34]|ec-3|opus|flac|alac|mp3|dts)/i

function toVariant({ attributes }: RawVariant, url: string, ownSoundUrl: string | null): Variant {
  const codecs = attributes.CODECS?.split(',').map((codec) => codec.trim()) ?? null
  const lines = attributes.RESOLUTION?.height ?? null
  return {
    url,
    bandwidth: attributes.BANDWIDTH ?? null,
    lines,
    hasPicture: lines !== null || codecs === null || codecs.some((codec) => PICTURE_CODEC.test(codec)),
    hasSound: ownSoundUrl !== null || codecs === null || codecs.some((codec) => SOUND_CODEC.test(codec)),
    soundUrl: ownSoundUrl,
  }
}

/** RFC 8216 §4.3.4.2.1: a group's rendition without a URI is inside the variant itself. */
function soundUrl(manifest: RawManifest, { attributes }: RawVariant, baseUrl: string): string | null {
  const groups = new Map(Object.entries(manifest.mediaGroups.AUDIO))
  const group = Object.values(groups.get(attributes.AUDIO ?? '') ?? {})
  const chosen = group.find((audio) => audio.default) ?? group.find((audio) => audio.autoselect) ?? group[0]
  return chosen?.uri === undefined ? null : httpUrl(chosen.uri, baseUrl)
}

/**
 * The renditions to watch: of the variants with picture and sound the one of the fewest lines, then of the lowest
 * bandwidth; failing that one with a picture, and sound alone only where there is nothing else. Two renditions where
 * the sound is a playlist of its own.
 */
export function chooseRenditions(master: MasterPlaylist): readonly Rendition[] {
  const chosen = master.variants.toSorted(byWorth)[0]
  if (chosen === undefined) return []
  if (!chosen.hasPicture || chosen.soundUrl === null) return [{ url: chosen.url, sides: 'both' }]
  return [
    { url: chosen.url, sides: 'picture' },
    { url: chosen.soundUrl, sides: 'sound' },
  ]
}

function byWorth(a: Variant, b: Variant): number {
  return sidesMissing(a) - sidesMissing(b) || order(a.lines, b.lines) || order(a.bandwidth, b.bandwidth)
}

function sidesMissing(variant: Variant): number {
  return (variant.hasPicture ? 0 : 2) + (variant.hasSound ? 0 : 1)
}

/** Ascending, the unknown last. */
function order(a: number | null, b: number | null): number {
  if (a === b) return 0
  return (a ?? Number.MAX_VALUE) - (b ?? Number.MAX_VALUE)
}
