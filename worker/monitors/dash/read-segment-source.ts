import type { ByteRange } from '../../platform/http.ts'
import type { SegmentMedia, SegmentPart, SegmentSource } from './mpd.ts'
import { parseCount, parseMediaRange, parsePositive, parseUnsigned } from './mpd-values.ts'
import {
  attributesOf,
  childNamed,
  childrenNamed,
  inheritAttributes,
  readAttributes,
  type XmlAttributes,
  type XmlElement,
} from './read-xml.ts'
import { hasNumber, MAX_REFERENCE_LENGTH } from './segment-template.ts'

/** Elements that describe segments (ISO/IEC 23009-1 §5.3.9.1). */
const SOURCE_NAMES = ['SegmentTemplate', 'SegmentList', 'SegmentBase'] as const
type SourceName = (typeof SOURCE_NAMES)[number]

/** Where a representation's segments lie, as the levels above it say. */
export type SourcePlace = {
  /** Period, AdaptationSet and Representation. */
  readonly levels: readonly XmlElement[]
  readonly baseUrl: string
  readonly representationId: string
  readonly bandwidth: string
  /** availabilityTimeOffset of its base URL, in seconds. */
  readonly earlySec: number
}

/** Reads how a representation's segments are found; `null` where the MPD cannot be understood. */
export function readSegmentSource(place: SourcePlace): SegmentSource | null {
  const name = findSourceName(place.levels)
  const elements = name === null ? [] : place.levels.flatMap((level) => childNamed(level, name) ?? [])
  const attributes = inheritAttributes(elements.map(attributesOf))
  const child = (wanted: string) => elements.map((element) => childNamed(element, wanted)).findLast(Boolean) ?? null
  const timescale = parseUnsigned(attributes.get('timescale') ?? '1')
  const media = readMedia(name, attributes, elements)
  if (media === null || timescale === null || timescale === 0n) return null
  const timeline = child('SegmentTimeline')
  return {
    baseUrl: place.baseUrl,
    representationId: place.representationId,
    bandwidth: place.bandwidth,
    timescale,
    presentationOffset: parseUnsigned(attributes.get('presentationTimeOffset')) ?? 0n,
    startNumber: parseCount(attributes.get('startNumber')) ?? 1,
    endNumber: parseCount(attributes.get('endNumber')),
    duration: timeline === null ? parsePositive(attributes.get('duration')) : null,
    timeline,
    earlySec: place.earlySec + readEarlySec(attributes),
    media,
    init: readInit(media, attributes, child('Initialization')),
  }
}

/** Returns the element that applies: that of the lowest level which has one. */
function findSourceName(levels: readonly XmlElement[]): SourceName | null {
  for (const level of levels.toReversed()) {
    const name = SOURCE_NAMES.find((each) => childNamed(level, each) !== null)
    if (name !== undefined) return name
  }
  return null
}

function readMedia(
  name: SourceName | null,
  attributes: XmlAttributes,
  elements: readonly XmlElement[],
): SegmentMedia | null {
  switch (name) {
    case 'SegmentTemplate': {
      const pattern = attributes.get('media')
      const isUsable = pattern !== undefined && pattern.length <= MAX_REFERENCE_LENGTH
      return !isUsable ? null : { kind: 'template', pattern, isNumbered: hasNumber(pattern) }
    }
    case 'SegmentList': {
      const urls = elements.map((element) => childrenNamed(element, 'SegmentURL')).findLast(({ length }) => length > 0)
      return { kind: 'list', urls: urls ?? [] }
    }
    case 'SegmentBase':
    case null:
      return { kind: 'whole', indexRange: parseMediaRange(attributes.get('indexRange')) }
  }
}

/** Reads the reference of a SegmentURL. */
export function readSegmentUrl(element: XmlElement): SegmentPart {
  return readPart(readAttributes(element), 'media', 'mediaRange')
}

function readPart(attributes: XmlAttributes, urlName: string, rangeName: string): SegmentPart {
  return { reference: attributes.get(urlName) ?? null, byteRange: parseMediaRange(attributes.get(rangeName)) }
}

function readInit(media: SegmentMedia, attributes: XmlAttributes, element: XmlElement | null): SegmentPart | null {
  if (element !== null) return readPart(readAttributes(element), 'sourceURL', 'range')
  const pattern = attributes.get('initialization')
  if (pattern !== undefined) return { reference: pattern, byteRange: null }
  const before = media.kind === 'whole' ? rangeBefore(media.indexRange) : null
  return before === null ? null : { reference: null, byteRange: before }
}

/** Returns the range before an index, which holds the initialization where nothing else says so. */
function rangeBefore(indexRange: ByteRange | null): ByteRange | null {
  return indexRange === null || indexRange.offset === 0 ? null : { offset: 0, length: indexRange.offset }
}

/** Largest availabilityTimeOffset that is believed, in seconds. */
const MAX_EARLY_SEC = 3600

/**
 * Reads by how much earlier than its end a whole segment is available, in seconds. Where only its beginning is
 * (availabilityTimeComplete="false"), and for a segment that always is, that is 0: the live edge stays where it is.
 */
export function readEarlySec(attributes: XmlAttributes): number {
  if (attributes.get('availabilityTimeComplete') === 'false') return 0
  const sec = parsePositive(attributes.get('availabilityTimeOffset')) ?? 0
  return sec <= MAX_EARLY_SEC ? sec : 0
}
