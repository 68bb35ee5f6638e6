import { Parser } from 'm3u8-parser'
import * as v from 'valibot'

import { errorFinding, type Finding } from './findings.ts'
import { type DeclaredVariant, parseRenditionIndex, type RenditionListing, type SetListing } from './set-listing.ts'

/** Returns the text of a playlist; `null` where it does not exist. */
export type ReadText = (name: string) => Promise<string | null>

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))

const ParsedMasterPlaylist = v.object({
  playlists: v.pipe(
    v.array(
      v.object({
        uri: v.string(),
        attributes: v.object({
          BANDWIDTH: v.nullish(amount, null),
          // m3u8-parser keeps attributes that it does not know as text.
          'AVERAGE-BANDWIDTH': v.nullish(v.pipe(v.union([v.string(), v.number()]), v.transform(Number), amount), null),
          RESOLUTION: v.nullish(v.object({ width: amount, height: amount }), null),
          CODECS: v.nullish(v.string(), null),
          'FRAME-RATE': v.nullish(amount, null),
          AUDIO: v.nullish(v.string(), null),
        }),
      }),
    ),
    v.minLength(1),
  ),
  mediaGroups: v.object({
    AUDIO: v.record(v.string(), v.record(v.string(), v.object({ uri: v.optional(v.string()) }))),
  }),
})
type ParsedMasterPlaylist = v.InferOutput<typeof ParsedMasterPlaylist>

const ParsedMediaPlaylist = v.object({
  targetDuration: amount,
  segments: v.pipe(
    v.array(v.object({ uri: v.string(), duration: amount, map: v.optional(v.object({ uri: v.string() })) })),
    v.minLength(1),
  ),
})
type ParsedMediaPlaylist = v.InferOutput<typeof ParsedMediaPlaylist>

/** Tags that every playlist must have, and those of a complete media playlist (RFC 8216 §4.3). */
const COMMON_TAGS = [
  { tag: '#EXTM3U', pattern: /^#EXTM3U\r?$/ },
  { tag: '#EXT-X-VERSION', pattern: /^#EXT-X-VERSION:\d+\r?$/m },
]
const MEDIA_TAGS = [
  { tag: '#EXT-X-TARGETDURATION', pattern: /^#EXT-X-TARGETDURATION:\d+\r?$/m },
  { tag: '#EXT-X-ENDLIST', pattern: /^#EXT-X-ENDLIST\r?$/m },
]

/** Reads a master playlist and its media playlists. Syntax errors are among the findings. */
export async function readHlsListing(text: string, entry: string, readText: ReadText): Promise<SetListing> {
  const tagFindings = checkRequiredTags(text, entry, COMMON_TAGS)
  const master = v.safeParse(ParsedMasterPlaylist, parsePlaylist(text))
  if (!master.success) {
    const findings = [...tagFindings, syntaxError(entry, 'is not a master playlist')]
    return { entry, renditions: [], variants: [], durationSec: null, findings }
  }
  const uris = [...new Set([...master.output.playlists.map(({ uri }) => uri), ...audioUris(master.output)])]
  const playlists = await Promise.all(uris.map((uri) => readMediaPlaylist(uri, entry, readText)))
  return {
    entry,
    durationSec: null,
    renditions: playlists.flatMap(({ listing }) => (listing === null ? [] : [listing])),
    variants: toVariants(master.output, entry),
    findings: [
      ...tagFindings,
      ...checkAudioGroups(master.output, entry),
      ...playlists.flatMap(({ findings }) => findings),
    ],
  }
}

/** Returns the URIs of an audio group; of all groups where `group` is `undefined`. */
function audioUris({ mediaGroups }: ParsedMasterPlaylist, group?: string | null): string[] {
  const groups = Object.entries(mediaGroups.AUDIO).filter(([name]) => group === undefined || group === name)
  return groups.flatMap(([, members]) => Object.values(members).flatMap(({ uri }) => uri ?? []))
}

function toVariants(master: ParsedMasterPlaylist, file: string): DeclaredVariant[] {
  return master.playlists.map(({ uri, attributes }) => ({
    file,
    indexes: [uri, ...audioUris(master, attributes.AUDIO)].flatMap((name) => parseRenditionIndex(name) ?? []),
    bandwidth: attributes.BANDWIDTH,
    averageBandwidth: attributes['AVERAGE-BANDWIDTH'],
    resolution: attributes.RESOLUTION,
    codecs: attributes.CODECS,
    frameRate: attributes['FRAME-RATE'],
  }))
}

/** Checks that a variant's AUDIO is the GROUP-ID of an EXT-X-MEDIA tag (RFC 8216 §4.3.4.2). */
function checkAudioGroups({ playlists, mediaGroups }: ParsedMasterPlaylist, entry: string): Finding[] {
  const groups = new Set(Object.keys(mediaGroups.AUDIO))
  const unknown = playlists.flatMap(({ attributes: { AUDIO } }) => (AUDIO === null || groups.has(AUDIO) ? [] : [AUDIO]))
  return unknown.map((group) => syntaxError(entry, `refers to the audio group "${group}", which it does not define`))
}

type MediaPlaylistResult = { readonly listing: RenditionListing | null; readonly findings: readonly Finding[] }

async function readMediaPlaylist(name: string, entry: string, readText: ReadText): Promise<MediaPlaylistResult> {
  const index = parseRenditionIndex(name)
  const text = index === null ? null : await readText(name)
  if (index === null || text === null) {
    return { listing: null, findings: [syntaxError(entry, `refers to "${name}", which is not in the output`)] }
  }
  const tagFindings = checkRequiredTags(text, name, [...COMMON_TAGS, ...MEDIA_TAGS])
  const playlist = v.safeParse(ParsedMediaPlaylist, parsePlaylist(text))
  if (!playlist.success) {
    return { listing: null, findings: [...tagFindings, syntaxError(name, 'is not a media playlist')] }
  }
  const { targetDuration, segments } = playlist.output
  const listing = {
    file: name,
    index,
    init: segments[0]?.map?.uri ?? null,
    segments: segments.map(({ uri, duration }) => ({ name: uri, durationSec: duration })),
    targetDurationSec: targetDuration,
  }
  return { listing, findings: tagFindings.length > 0 ? tagFindings : checkMediaTags(playlist.output, text, name) }
}

function checkMediaTags({ targetDuration, segments }: ParsedMediaPlaylist, text: string, name: string): Finding[] {
  const version = Number(/^#EXT-X-VERSION:(\d+)/m.exec(text)?.[1])
  const tooLong = segments.filter(({ duration }) => Math.round(duration) > targetDuration)
  const maps = new Set(segments.map(({ map }) => map?.uri ?? null))
  const extinfs = text.match(/^#EXTINF:\d+(?:\.\d+)?,.*$/gm)?.length ?? 0
  const minVersion = requiredVersion(text)
  return [
    // RFC 8216 §4.3.3.1: each EXTINF, rounded to the nearest integer, is at most the target duration.
    ...tooLong.map(({ uri, duration }) =>
      syntaxError(name, `#EXT-X-TARGETDURATION is ${targetDuration}, but ${uri} is ${duration} s long`),
    ),
    ...(version < minVersion
      ? [syntaxError(name, `#EXT-X-VERSION is ${version}, but its tags require ${minVersion}`)]
      : []),
    ...(extinfs === segments.length
      ? []
      : [syntaxError(name, `has ${extinfs} valid #EXTINF for ${segments.length} segments`)]),
    ...(maps.size > 1 ? [syntaxError(name, 'has more than one #EXT-X-MAP')] : []),
  ]
}

/** Returns the lowest version for a playlist's tags (RFC 8216 §7): 3 for fractional durations, 6 for EXT-X-MAP. */
function requiredVersion(text: string): number {
  if (/^#EXT-X-MAP:/m.test(text)) return 6
  return /^#EXTINF:\d+\.\d/m.test(text) ? 3 : 1
}

function checkRequiredTags(text: string, name: string, required: typeof COMMON_TAGS): Finding[] {
  return required
    .filter(({ pattern }) => !pattern.test(searchedText(text, pattern)))
    .map(({ tag }) => syntaxError(name, `has no valid ${tag}`))
}

/** Returns where a tag may stand: #EXTM3U only on the first line (RFC 8216 §4.3.1.1), other tags on any line. */
function searchedText(text: string, pattern: RegExp): string {
  return pattern.multiline ? text : (text.split('\n', 1)[0] ?? '')
}

/** Returns the parsed playlist; `null` where m3u8-parser throws, as it does on some malformed attributes. */
function parsePlaylist(text: string): unknown {
  const parser = new Parser()
  try {
    parser.push(text)
    parser.end()
  } catch {
    return null
  }
  return parser.manifest
}

function syntaxError(file: string, message: string): Finding {
  return errorFinding('HLS_PLAYLIST_SYNTAX_ERROR', file, message)
}
