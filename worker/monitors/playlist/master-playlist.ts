import type { RenditionChoice, StreamRendition, TrackKind, TrackSelection } from '../stream.ts'
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
  /** What it says that it has, with its separate sound. */
  readonly declared?: readonly TrackKind[]
  /** The separate playlists of its sound (EXT-X-MEDIA with a URI), the best first. */
  readonly soundUrls: readonly string[]
  /** The playlist of its captions (EXT-X-MEDIA with TYPE=SUBTITLES). */
  readonly captionUrl?: string | undefined
}

/** A master playlist without its I-frame playlists and media other than sound. */
export type MasterPlaylist = {
  readonly variants: readonly StreamVariant[]
  /** Its EXT-X-DEFINE variables, which media playlists may import. */
  readonly variables?: PlaylistVariables
}

/** Converts what a playlist's lines declare to a master playlist. */
export function toMasterPlaylist(draft: PlaylistDraft): MasterPlaylist {
  const soundUrls = listGroupUrls(draft, 'AUDIO')
  const captionUrls = listGroupUrls(draft, 'SUBTITLES')
  const sounds = new Set([...soundUrls.values()].flat())
  const variants = draft.variants.map(({ url, attributes }): StreamVariant => {
    const [captionUrl] = captionUrls.get(attributes.get('SUBTITLES')) ?? []
    const sound = { group: soundUrls.get(attributes.get('AUDIO')), isSound: sounds.has(url) }
    return { ...toVariant(url, attributes, sound), captionUrl }
  })
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

/**
 * Converts a variant. `group`: the playlists of its group of sound, none where that is inside; `undefined` without one.
 * `isSound`: its URL is that of a sound too, which it then is unless it says otherwise.
 */
function toVariant(
  url: string,
  attributes: AttributeList,
  { group, isSound }: { readonly group: readonly string[] | undefined; readonly isSound: boolean },
): StreamVariant {
  const codecs = readCodecs(attributes)
  const lines = parseInteger(/x(\d{1,6})$/i.exec(attributes.get('RESOLUTION') ?? '')?.[1])
  const named = codecs ?? []
  const declared = listDeclared({
    picture: lines !== null || named.some(isPictureCodec),
    sound: group !== undefined || named.some(isSoundCodec),
  })
  return {
    url,
    bandwidth: parseInteger(attributes.get('BANDWIDTH')),
    lines,
    hasPicture: declared.includes('picture') || (codecs === null && !isSound),
    hasSound: declared.includes('sound') || mayHaveSound(codecs),
    declared,
    soundUrls: group ?? [],
  }
}

function readCodecs(attributes: AttributeList): readonly string[] | null {
  const codecs = attributes.get('CODECS')?.split(',')
  return codecs?.map((codec) => codec.trim()) ?? null
}

/** Lists the tracks that are declared: none by a variant without codecs, which may be sound alone. */
function listDeclared(tracks: Readonly<Record<TrackKind, boolean>>): readonly TrackKind[] {
  return [tracks.picture ? (['picture'] as const) : [], tracks.sound ? (['sound'] as const) : []].flat()
}

/** Reports whether codecs may be those of a sound: none is listed, or one that is not known beside that of a picture. */
function mayHaveSound(codecs: readonly string[] | null): boolean {
  if (codecs === null) return true
  const isUnknown = (codec: string) => codec !== '' && !isPictureCodec(codec) && !TEXT_CODEC.test(codec)
  return codecs.some(isPictureCodec) && codecs.some(isUnknown)
}

/** Most choices of renditions that are kept of a master playlist, and most playlists of sound that a group has. */
const MAX_CHOICES = 16

/**
 * Returns the playlists of each group of a type, the default one first; none where it is inside the variants themselves
 * (RFC 8216 §4.3.4.2.1). Each group is read once, however many variants name it.
 */
function listGroupUrls(
  { media, origin }: PlaylistDraft,
  type: 'AUDIO' | 'SUBTITLES',
): ReadonlyMap<string | undefined, readonly string[]> {
  const groups = new Map<string, AttributeList[]>()
  for (const each of media) {
    const groupId = each.get('GROUP-ID')
    if (each.get('TYPE') !== type || groupId === undefined) continue
    const group = groups.get(groupId)
    if (group === undefined) groups.set(groupId, [each])
    else group.push(each)
  }
  return new Map([...groups].map(([groupId, group]) => [groupId, resolveGroup(group, origin.url)]))
}

function resolveGroup(group: readonly AttributeList[], baseUrl: string): readonly string[] {
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
  { url, hasPicture, soundUrls, declared = [], captionUrl }: StreamVariant,
  variables: PlaylistVariables | undefined,
): readonly RenditionChoice[] {
  const toRendition = (each: string, tracks: TrackSelection): StreamRendition => {
    const own = declared.filter((track) => tracks === 'both' || tracks === track)
    return {
      url: each,
      tracks,
      ...(own.length === 0 ? {} : { declared: own }),
      ...(variables === undefined ? {} : { variables }),
      ...(captionUrl === undefined || tracks === 'sound' ? {} : { captionUrl }),
    }
  }
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
