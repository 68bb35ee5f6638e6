import { isPictureCodec, isSoundCodec } from '../playlist/master-playlist.ts'
import { resolveHttpUrl } from '../playlist/playlist-numbers.ts'
import type { TrackSelection } from '../stream.ts'
import type { Representation } from './mpd.ts'
import { parseCount } from './mpd-values.ts'
import { readEarlySec, readSegmentSource } from './read-segment-source.ts'
import {
  attributesOf,
  childNamed,
  childrenNamed,
  inheritAttributes,
  readAttributes,
  type XmlAttributes,
  type XmlElement,
} from './read-xml.ts'

/** A base URL (ISO/IEC 23009-1 §5.6), and by how much earlier its segments are available, in seconds. */
export type BaseUrl = { readonly url: string; readonly earlySec: number }

/** What may still be read of an MPD, over all of its periods. */
export type MpdBudget = {
  representations: number
  /** Length of the URLs against which others are resolved, in UTF-16 units: short references can stand for long URLs. */
  urlLength: number
}

/** Creates the budget of an MPD: 500 periods of ten representations each, and base URLs of 16 MB. */
export function createMpdBudget(): MpdBudget {
  return { representations: 5000, urlLength: 16 * 1024 * 1024 }
}

/** Most base URLs of a level that are read. */
const MAX_BASE_URLS = 4

/**
 * Reads the base URLs of a level, the preferred one first: each serves all segments, usually from a CDN of its own
 * (§5.6.5). Without one that can be used, those of the level above apply.
 */
export function readBaseUrls(element: XmlElement, above: readonly BaseUrl[], budget: MpdBudget): readonly BaseUrl[] {
  const bases = childrenNamed(element, 'BaseURL').slice(0, MAX_BASE_URLS)
  if (bases.length === 0) return above
  const resolved = Array.from({ length: Math.max(bases.length, above.length) }, (_, place) => {
    const [base, parent] = [bases[place] ?? bases.at(-1), above[place] ?? above.at(-1)]
    return base === undefined || parent === undefined ? null : resolveBase(base, parent, budget)
  })
  const usable = resolved.filter((base) => base !== null)
  const different = usable.filter(({ url }, place) => usable.findIndex((other) => other.url === url) === place)
  return different.length > 0 ? different : above
}

function resolveBase(base: XmlElement, parent: BaseUrl, budget: MpdBudget): BaseUrl | null {
  if (budget.urlLength <= 0) return null
  budget.urlLength -= parent.url.length
  const url = resolveHttpUrl(base.text, parent.url)
  return url === null ? null : { url, earlySec: parent.earlySec + readEarlySec(readAttributes(base)) }
}

/** Most representations of a period that are read. */
const MAX_REPRESENTATIONS = 200

/** What the levels above a period or a set say. */
export type InheritedContext = {
  readonly bases: readonly BaseUrl[]
  readonly protection: XmlElement | null
  readonly budget: MpdBudget
}

/** Reads a period's representations of picture and sound, as far as the MPD's budget lasts. */
export function readRepresentations(period: XmlElement, above: InheritedContext): readonly Representation[] {
  const { budget } = above
  if (budget.representations <= 0) return []
  const bases = readBaseUrls(period, above.bases, budget)
  const protection = childNamed(period, 'ContentProtection') ?? above.protection
  const sets = childrenNamed(period, 'AdaptationSet').slice(0, MAX_REPRESENTATIONS)
  const places = sets.flatMap((set, setIndex) => {
    const context = readSet(period, set, { bases, protection, budget })
    const elements = childrenNamed(set, 'Representation').slice(0, MAX_REPRESENTATIONS)
    return elements.map((element, index) => ({ element, place: `${setIndex}.${index}`, context }))
  })
  const read = places.slice(0, Math.min(MAX_REPRESENTATIONS, budget.representations))
  budget.representations -= read.length
  return read.flatMap(({ element, place, context }) => readRepresentation(element, place, context) ?? [])
}

/** What an AdaptationSet says of its representations. */
type SetContext = InheritedContext & {
  readonly levels: readonly [XmlElement, XmlElement]
  readonly attributes: XmlAttributes
  readonly contentType: string | null
  readonly rank: number
}

function readSet(period: XmlElement, set: XmlElement, above: InheritedContext): SetContext {
  const attributes = readAttributes(set)
  const components = childrenNamed(set, 'ContentComponent').map((each) => readAttributes(each).get('contentType'))
  // A set of several components is known by its codecs.
  const contentType = attributes.get('contentType') ?? (components.length === 1 ? (components[0] ?? null) : null)
  return {
    levels: [period, set],
    attributes,
    contentType,
    bases: readBaseUrls(set, above.bases, above.budget),
    protection: childNamed(set, 'ContentProtection') ?? above.protection,
    budget: above.budget,
    rank: rankSet(set, attributes),
  }
}

/** Scheme of a set for fast forward and rewind (DASH-IF IOP §3.2.9). */
const TRICK_MODE = 'http://dashif.org/guidelines/trickmode'

/** Rank of a set that is no part of the usual presentation. */
const NEVER = Infinity

/** Ranks a set among those of its kind: by its role, then by its selectionPriority (§5.3.3). */
function rankSet(set: XmlElement, attributes: XmlAttributes): number {
  const schemes = [...childrenNamed(set, 'EssentialProperty'), ...childrenNamed(set, 'SupplementalProperty')]
  if (schemes.some((each) => readAttributes(each).get('schemeIdUri') === TRICK_MODE)) return NEVER
  const roles = childrenNamed(set, 'Role').map((role) => readAttributes(role).get('value'))
  const role = roles.includes('main') ? 0 : roles.length === 0 ? 1 : 2
  const priority = Math.min(parseCount(attributes.get('selectionPriority')) ?? 1, 1000)
  return role - priority / 1001
}

/** Longest id and bandwidth of a representation, which templates repeat. */
const MAX_NAME_LENGTH = 256

function readRepresentation(element: XmlElement, place: string, set: SetContext): Representation | null {
  const own = readAttributes(element)
  const attributes = inheritAttributes([set.attributes, own])
  const tracks = findTracks(attributes, set.contentType)
  if (tracks === null || set.rank === NEVER || !isReadableContainer(attributes)) return null
  // The id of a set is not that of its representations.
  const id = own.get('id') ?? place
  const bandwidth = attributes.get('bandwidth') ?? ''
  if (id.length + bandwidth.length > MAX_NAME_LENGTH) return null
  const levels = [...set.levels, element]
  const sources = readBaseUrls(element, set.bases, set.budget).flatMap(
    ({ url, earlySec }) => readSegmentSource({ levels, baseUrl: url, representationId: id, bandwidth, earlySec }) ?? [],
  )
  if (sources.length === 0) return null
  const protection = childNamed(element, 'ContentProtection') ?? set.protection
  return {
    id,
    tracks,
    bandwidth: parseCount(bandwidth),
    lines: parseCount(attributes.get('height')),
    rank: set.rank,
    protection: protection === null ? null : describeProtection(attributesOf(protection)),
    sources,
  }
}

/** Returns the tracks of a representation, by its content type, its media type and its codecs; `null` for others. */
function findTracks(attributes: XmlAttributes, contentType: string | null): TrackSelection | null {
  const { hasPicture, hasSound } = readCodecs(attributes)
  if (hasPicture && hasSound) return 'both'
  const declared = contentType ?? readMediaKind(attributes)
  if (declared === 'audio') return 'sound'
  // A transport stream without codecs usually holds both.
  if (declared === 'video') return isTransportStream(attributes) && !hasPicture ? 'both' : 'picture'
  return declared === null ? findTracksOfCodecs(hasPicture, hasSound) : null
}

function readMediaKind(attributes: XmlAttributes): string | null {
  return /^(video|audio)\//i.exec(attributes.get('mimeType') ?? '')?.[1]?.toLowerCase() ?? null
}

function isTransportStream(attributes: XmlAttributes): boolean {
  return /^video\/mp2t/i.test(attributes.get('mimeType') ?? '')
}

function findTracksOfCodecs(hasPicture: boolean, hasSound: boolean): TrackSelection | null {
  if (hasPicture) return 'picture'
  return hasSound ? 'sound' : null
}

function readCodecs(attributes: XmlAttributes): { readonly hasPicture: boolean; readonly hasSound: boolean } {
  const codecs = (attributes.get('codecs') ?? '').slice(0, 1000).split(',')
  const named = codecs.map((codec) => codec.trim())
  return { hasPicture: named.some(isPictureCodec), hasSound: named.some(isSoundCodec) }
}

/** Reports whether segments may be fragmented MP4 or a transport stream: WebM and images are not. */
function isReadableContainer(attributes: XmlAttributes): boolean {
  return !/webm|matroska|ogg|image|text|ttml/i.test(attributes.get('mimeType') ?? '')
}

/** Names of content protection by the UUID of its scheme (DASH-IF registry). */
const SYSTEMS: ReadonlyMap<string, string> = new Map([
  ['edef8ba9-79d6-4ace-a3c8-27dcd51d21ed', 'Widevine'],
  ['9a04f079-9840-4286-ab92-e65be0885f95', 'PlayReady'],
  ['94ce86fb-07ff-4f43-adb8-93d2fa968ca2', 'FairPlay'],
])

/** Returns the scheme of a ContentProtection for a message, such as `cenc` (§5.8.4.1). */
function describeProtection(attributes: XmlAttributes): string {
  const scheme = (attributes.get('schemeIdUri') ?? '').toLowerCase()
  const value = (attributes.get('value') ?? '').replaceAll(/[^\w.-]/g, '').slice(0, 32)
  if (scheme === 'urn:mpeg:dash:mp4protection:2011') return value || 'cenc'
  return SYSTEMS.get(scheme.replace(/^urn:uuid:/, '')) ?? (value || 'DRM')
}
