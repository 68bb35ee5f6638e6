import type { RenditionChoice, StreamRendition, TrackSelection } from '../stream.ts'
import type { AttributeList } from './playlist-lines.ts'
import { parseInteger, resolveHttpUrl } from './playlist-numbers.ts'
import type { PlaylistVariables } from './playlist-variables.ts'
import type { PlaylistDraft } from './playlist-draft.ts'

/** One EXT-X-STREAM-INF (RFC 8216 §4.3.4.2). Fields that the playlist lacks are `null`. */
export type StreamVariant = {
  readonly url: string
  readonly bandwidth: number | null
  /** Height of the picture. */
  readonly lines: number | null
  readonly hasPicture: boolean
  readonly hasSound: boolean
  /** The separate playlists of its sound (EXT-X-MEDIA with a URI), the best first. */
  readonly soundUrls: readonly string[]
}

/** A master playlist without its I-frame playlists and media other than sound. */
export type MasterPlaylist = {
  readonly variants: readonly StreamVariant[]
  /** Its EXT-X-DEFINE variables, which media playlists may import. */
  readonly variables?: PlaylistVariables
}

/** Converts what a playlist's lines declare to a master playlist. */
export function toMasterPlaylist(draft: PlaylistDraft): MasterPlaylist {
  const soundUrls = listSoundUrls(draft)
  const listed = new Set([...soundUrls.values()].flat())
  const variants = draft.variants.map(({ url, attributes }) =>
    toVariant(url, attributes, { soundUrls: soundUrls.get(attributes.get('AUDIO')) ?? [], isSound: listed.has(url) }),
  )
  return draft.variables.size === 0 ? { variants } : { variants, variables: draft.variables }
}

const PICTURE_CODEC = /^(?:avc|hvc|hev|dvh|dva|dav1|vp0?[89]|av01|vv[ci]1|evc1|lvc1|mp4v)/i
const SOUND_CODEC = /^(?:mp4a|mh[am]\d|ac-[34]|ec-3|opus|flac|alac|mp3|dts|vorbis|iamf)/i
const TEXT_CODEC = /^(?:stpp|wvtt|tx3g|c[67]08|stxt)/i

/** Reports whether a name is that of a picture's codec (RFC 6381). */
export function isPictureCodec(codec: string): boolean {
  return PICTURE_CODEC.test(codec)
}

/** Reports whether a name is that of a sound's codec (RFC 6381). */
export function isSoundCodec(codec: string): boolean {
  return SOUND_CODEC.test(codec)
}

/** Converts a variant. `isSound`: its URL is that of a sound too, which it then is unless it says otherwise. */
function toVariant(
  url: string,
  attributes: AttributeList,
  { soundUrls, isSound }: { readonly soundUrls: readonly string[]; readonly isSound: boolean },
): StreamVariant {
  const codecs =
    attributes
      .get('CODECS')
      ?.split(',')
      .map((codec) => codec.trim()) ?? null
  const lines = parseInteger(/x(\d{1,6})$/i.exec(attributes.get('RESOLUTION') ?? '')?.[1])
  return {
    url,
    bandwidth: parseInteger(attributes.get('BANDWIDTH')),
    lines,
    hasPicture: lines !== null || (codecs?.some(isPictureCodec) ?? !isSound),
    hasSound: soundUrls.length > 0 || codecs === null || haveSound(codecs),
    soundUrls,
  }
}

/** Reports whether a variant's codecs have a sound: one that is not known is likely to be, beside a picture. */
function haveSound(codecs: readonly string[]): boolean {
  const isUnknown = (codec: string) => codec !== '' && !isPictureCodec(codec) && !TEXT_CODEC.test(codec)
  return codecs.some(isSoundCodec) || (codecs.some(isPictureCodec) && codecs.some(isUnknown))
}

/** Most choices of renditions that are kept of a master playlist, and most playlists of sound that a group has. */
const MAX_CHOICES = 16

/**
 * Returns the playlists of each group of sound, the default one first; none where the sound is inside the variants
 * themselves (RFC 8216 §4.3.4.2.1). Each group is read once, however many variants name it.
 */
function listSoundUrls({ media, origin }: PlaylistDraft): ReadonlyMap<string | undefined, readonly string[]> {
  const groups = new Map<string, AttributeList[]>()
  for (const each of media) {
    const groupId = each.get('GROUP-ID')
    if (each.get('TYPE') !== 'AUDIO' || groupId === undefined) continue
    const group = groups.get(groupId)
    if (group === undefined) groups.set(groupId, [each])
    else group.push(each)
  }
  return new Map([...groups].map(([groupId, group]) => [groupId, resolveSounds(group, origin.url)]))
}

function resolveSounds(group: readonly AttributeList[], baseUrl: string): readonly string[] {
  const rank = (each: AttributeList) => (each.get('DEFAULT') === 'YES' ? 0 : each.get('AUTOSELECT') === 'YES' ? 1 : 2)
  const ranked = group.toSorted((a, b) => rank(a) - rank(b)).map((each) => each.get('URI'))
  if (ranked[0] === undefined) return []
  const best = ranked.slice(0, MAX_CHOICES)
  return best.flatMap((uri) => (uri === undefined ? null : resolveHttpUrl(uri, baseUrl)) ?? [])
}

/**
 * Ranks the renditions that can be monitored. The variant with picture and sound, the fewest lines, then the lowest
 * bandwidth is best; one with only a picture is next. A separate playlist of sound makes a second rendition. Variants of
 * the same quality are backups of each other, in the playlist's order (RFC 8216 §6.2.4).
 */
export function rankRenditions(master: MasterPlaylist): readonly RenditionChoice[] {
  const [first] = master.variants.toSorted(compareVariants)
  if (first === undefined) return []
  const alike = master.variants.filter((variant) => rankMissingTracks(variant) === rankMissingTracks(first))
  // Sound alone would be taken for a stream that has lost its picture.
  const lesser = master.variants.filter(({ hasPicture, hasSound }) => first.hasSound && hasPicture && !hasSound)
  return [alike, lesser].flatMap((variants) => listChoices(variants, master.variables)).slice(0, MAX_CHOICES)
}

/** Lists the choices of variants in the order of their quality: each variant comes once before its second sound. */
function listChoices(
  variants: readonly StreamVariant[],
  variables: PlaylistVariables | undefined,
): readonly RenditionChoice[] {
  const best = variants.toSorted(compareVariants).slice(0, MAX_CHOICES)
  const choices = best.map((variant) => toChoices(variant, variables))
  const rounds = Math.max(0, ...choices.map(({ length }) => length))
  return Array.from({ length: rounds }, (_, round) => choices.flatMap((each) => each.slice(round, round + 1))).flat()
}

function toChoices(
  { url, hasPicture, soundUrls }: StreamVariant,
  variables: PlaylistVariables | undefined,
): readonly RenditionChoice[] {
  const toRendition = (each: string, tracks: TrackSelection): StreamRendition =>
    variables === undefined ? { url: each, tracks } : { url: each, tracks, variables }
  if (!hasPicture || soundUrls.length === 0) return [[toRendition(url, 'both')]]
  return soundUrls.map((soundUrl) => [toRendition(url, 'picture'), toRendition(soundUrl, 'sound')])
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
