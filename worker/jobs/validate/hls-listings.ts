import { Parser } from 'm3u8-parser'
import * as v from 'valibot'

import { fault, type Finding } from './findings.ts'
import { type Claim, indexOf, type Listing, type Listings } from './track.ts'

/** The text of a playlist; `null`: it is not there. */
export type ReadText = (name: string) => Promise<string | null>

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))

const RawMaster = v.object({
  playlists: v.pipe(
    v.array(
      v.object({
        uri: v.string(),
        attributes: v.object({
          BANDWIDTH: v.nullish(amount, null),
          // m3u8-parser leaves what it does not know as text.
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
type RawMaster = v.InferOutput<typeof RawMaster>

const RawMedia = v.object({
  targetDuration: amount,
  segments: v.pipe(
    v.array(v.object({ uri: v.string(), duration: amount, map: v.optional(v.object({ uri: v.string() })) })),
    v.minLength(1),
  ),
})
type RawMedia = v.InferOutput<typeof RawMedia>

/** Tags without which no playlist of a finished output is one, and where they are asked for (RFC 8216 §4.3). */
const EVERYWHERE = [
  { tag: '#EXTM3U', pattern: /^#EXTM3U\r?$/ },
  { tag: '#EXT-X-VERSION', pattern: /^#EXT-X-VERSION:\d+\r?$/m },
]
const IN_MEDIA = [
  { tag: '#EXT-X-TARGETDURATION', pattern: /^#EXT-X-TARGETDURATION:\d+\r?$/m },
  { tag: '#EXT-X-ENDLIST', pattern: /^#EXT-X-ENDLIST\r?$/m },
]

/** Reads a master playlist and the playlists of its renditions; what is wrong with their text is among the findings. */
export async function readHlsListings(text: string, entry: string, readText: ReadText): Promise<Listings> {
  const tags = missingTags(text, entry, EVERYWHERE)
  const master = v.safeParse(RawMaster, parse(text))
  if (!master.success) {
    const findings = [...tags, syntax(entry, 'is no master playlist')]
    return { entry, listings: [], claims: [], durationSec: null, findings }
  }
  const names = [...new Set([...master.output.playlists.map(({ uri }) => uri), ...soundUris(master.output)])]
  const media = await Promise.all(names.map((name) => readMediaPlaylist(name, entry, readText)))
  return {
    entry,
    durationSec: null,
    listings: media.flatMap(({ listing }) => (listing === null ? [] : [listing])),
    claims: toClaims(master.output, entry),
    findings: [...tags, ...lostGroups(master.output, entry), ...media.flatMap(({ findings }) => findings)],
  }
}

function soundUris({ mediaGroups }: RawMaster, group?: string | null): string[] {
  const groups = Object.entries(mediaGroups.AUDIO).filter(([name]) => group === undefined || group === name)
  return groups.flatMap(([, members]) => Object.values(members).flatMap(({ uri }) => uri ?? []))
}

function toClaims(master: RawMaster, file: string): Claim[] {
  return master.playlists.map(({ uri, attributes }) => ({
    file,
    tracks: [uri, ...soundUris(master, attributes.AUDIO)].flatMap((name) => indexOf(name) ?? []),
    bandwidth: attributes.BANDWIDTH,
    averageBandwidth: attributes['AVERAGE-BANDWIDTH'],
    size: attributes.RESOLUTION,
    codecs: attributes.CODECS,
    frameRate: attributes['FRAME-RATE'],
  }))
}

/** RFC 8216 §4.3.4.2: a variant's AUDIO must be the GROUP-ID of an EXT-X-MEDIA. */
function lostGroups({ playlists, mediaGroups }: RawMaster, entry: string): Finding[] {
  const groups = new Set(Object.keys(mediaGroups.AUDIO))
  const lost = playlists.flatMap(({ attributes: { AUDIO } }) => (AUDIO === null || groups.has(AUDIO) ? [] : [AUDIO]))
  return lost.map((group) => syntax(entry, `refers to the audio group "${group}", which it does not have`))
}

type MediaPlaylist = { readonly listing: Listing | null; readonly findings: readonly Finding[] }

async function readMediaPlaylist(name: string, entry: string, readText: ReadText): Promise<MediaPlaylist> {
  const index = indexOf(name)
  const text = index === null ? null : await readText(name)
  if (index === null || text === null) {
    return { listing: null, findings: [syntax(entry, `refers to "${name}", which is not in the output`)] }
  }
  const tags = missingTags(text, name, [...EVERYWHERE, ...IN_MEDIA])
  const media = v.safeParse(RawMedia, parse(text))
  if (!media.success) return { listing: null, findings: [...tags, syntax(name, 'is no playlist of segments')] }
  const { targetDuration, segments } = media.output
  const listing = {
    file: name,
    index,
    init: segments[0]?.map?.uri ?? null,
    segments: segments.map(({ uri, duration }) => ({ name: uri, durationSec: duration })),
    targetSec: targetDuration,
  }
  return { listing, findings: tags.length > 0 ? tags : mediaTagFaults(media.output, text, name) }
}

function mediaTagFaults({ targetDuration, segments }: RawMedia, text: string, name: string): Finding[] {
  const version = Number(/^#EXT-X-VERSION:(\d+)/m.exec(text)?.[1])
  const tooLong = segments.filter(({ duration }) => Math.round(duration) > targetDuration)
  const maps = new Set(segments.map(({ map }) => map?.uri ?? null))
  const extinfs = text.match(/^#EXTINF:\d+(?:\.\d+)?,.*$/gm)?.length ?? 0
  const needed = neededVersion(text)
  return [
    // RFC 8216 §4.3.3.1: rounded to the nearest whole number, no EXTINF may be longer.
    ...tooLong.map(({ uri, duration }) =>
      syntax(name, `#EXT-X-TARGETDURATION is ${targetDuration}, but ${uri} is ${duration} s long`),
    ),
    ...(version < needed ? [syntax(name, `#EXT-X-VERSION is ${version}, but its tags need ${needed}`)] : []),
    ...(extinfs === segments.length ? [] : [syntax(name, `${segments.length} segments have ${extinfs} valid #EXTINF`)]),
    ...(maps.size > 1 ? [syntax(name, 'not every segment has the same #EXT-X-MAP')] : []),
  ]
}

/** RFC 8216 §7: 3 for lengths that are no whole number, 6 for EXT-X-MAP. */
function neededVersion(text: string): number {
  if (/^#EXT-X-MAP:/m.test(text)) return 6
  return /^#EXTINF:\d+\.\d/m.test(text) ? 3 : 1
}

function missingTags(text: string, name: string, wanted: typeof EVERYWHERE): Finding[] {
  return wanted
    .filter(({ pattern }) => !pattern.test(firstLineOr(text, pattern)))
    .map(({ tag }) => syntax(name, `has no valid ${tag}`))
}

/** The first tag must be the very first line (RFC 8216 §4.3.1.1); the others may stand on any. */
function firstLineOr(text: string, pattern: RegExp): string {
  return pattern.multiline ? text : (text.split('\n', 1)[0] ?? '')
}

/** `null` where m3u8-parser throws, as it does on some malformed attributes. */
function parse(text: string): unknown {
  const parser = new Parser()
  try {
    parser.push(text)
    parser.end()
  } catch {
    return null
  }
  return parser.manifest
}

function syntax(file: string, message: string): Finding {
  return fault('HLS_PLAYLIST_SYNTAX_ERROR', file, message)
}
