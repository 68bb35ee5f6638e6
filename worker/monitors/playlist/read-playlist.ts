/**
 * Reads the tags of HLS playlists (RFC 8216, draft-pantos-hls-rfc8216bis) that a monitor needs. It reads line by line and
 * skips, with a count, what it cannot read: one odd tag never makes a playlist unreadable. Other tags are ignored.
 */

import type { ByteRange } from '../../platform/http.ts'
import { type SegmentEncryption, type StreamResource, UNUSABLE_URL } from '../stream.ts'
import {
  createDraft,
  MAX_RENDITIONS,
  MAX_SEGMENTS,
  type NextSegment,
  NO_TAGS,
  type PlaylistDraft,
  type PlaylistOrigin,
  type SegmentDraft,
} from './playlist-draft.ts'
import { type AttributeList, type LongLine, parseAttributes, readLines } from './playlist-lines.ts'
import { parseByteRange, parseDateTime, parseSeconds, parseSequence } from './playlist-numbers.ts'
import { defineVariable, parseQueries, replaceVariables } from './playlist-variables.ts'
import { readDataUrl } from './data-url.ts'
import { growsBy, resolveLine, resolveReference } from './resolve-reference.ts'
import { type DeclaredKey, encryptionOf, readKey, UNREADABLE_KEY } from './segment-key.ts'

/** Reads a playlist's text. */
export function readPlaylist(text: string, origin: PlaylistOrigin): PlaylistDraft {
  const draft = createDraft(origin)
  for (const line of readLines(text)) {
    if (typeof line !== 'string') readLongLine(draft, line)
    else if (line.startsWith('#EXT')) readTag(draft, line)
    else if (!line.startsWith('#') && !readUri(draft, line)) countUnread(draft, 'URI')
  }
  return draft
}

/** Takes a line that is too long. A reference still has its place among the segments. */
function readLongLine(draft: PlaylistDraft, { head }: LongLine): void {
  countUnread(draft, 'long line')
  if (head !== '' && !head.startsWith('#')) readUri(draft, head, false)
}

function countUnread(draft: PlaylistDraft, kind: string): void {
  draft.unread.set(kind, (draft.unread.get(kind) ?? 0) + 1)
}

function readTag(draft: PlaylistDraft, line: string): void {
  const colon = line.indexOf(':')
  const name = colon < 0 ? line : line.slice(0, colon)
  const read = TAGS.get(name)
  if (read === undefined) return
  if (!read(draft, colon < 0 ? '' : line.slice(colon + 1))) countUnread(draft, name.slice(1))
}

/** Reads a tag's value into the draft. Returns whether it could be read. */
type TagReader = (draft: PlaylistDraft, value: string) => boolean

/** Reads an attribute list. `unread`: the names of attributes that are left out, for an unknown variable or their length. */
type AttributesReader = (draft: PlaylistDraft, attributes: AttributeList, unread: ReadonlySet<string>) => boolean

/** Makes the reader of a tag with an attribute list, whose values may contain variables. */
function withAttributes(read: AttributesReader): TagReader {
  return (draft, value) => {
    const attributes = new Map<string, string>()
    const unread = new Set<string>()
    for (const [name, text] of parseAttributes(value)) {
      const replaced = replaceVariables(text, draft.variables)
      if (replaced === null || !growsBy(draft, replaced.length - text.length)) unread.add(name)
      else attributes.set(name, replaced)
    }
    return read(draft, attributes, unread) && unread.size === 0
  }
}

function setNext(draft: PlaylistDraft, tags: Partial<NextSegment>): true {
  draft.next = { ...draft.next, ...tags }
  return true
}

const TAGS: ReadonlyMap<string, TagReader> = new Map<string, TagReader>([
  [
    '#EXTINF',
    (draft, value) => {
      const durationSec = parseSeconds(value)
      setNext(draft, { hasInf: true, durationSec })
      return durationSec !== null
    },
  ],
  [
    '#EXT-X-TARGETDURATION',
    (draft, value) => {
      draft.targetDurationSec = parseSeconds(value)
      return draft.targetDurationSec !== null
    },
  ],
  [
    '#EXT-X-MEDIA-SEQUENCE',
    (draft, value) => {
      draft.mediaSequence = parseSequence(value)
      return draft.mediaSequence !== null
    },
  ],
  [
    '#EXT-X-ENDLIST',
    (draft) => {
      draft.isEnded = true
      return true
    },
  ],
  [
    '#EXT-X-DISCONTINUITY',
    (draft) => {
      countDiscontinuities(draft, draft.discontinuities + 1)
      return setNext(draft, { discontinuity: true })
    },
  ],
  [
    '#EXT-X-DISCONTINUITY-SEQUENCE',
    (draft, value) => {
      const count = parseSequence(value)
      if (count !== null) countDiscontinuities(draft, count)
      return count !== null
    },
  ],
  ['#EXT-X-GAP', (draft) => setNext(draft, { isGap: true })],
  [
    '#EXT-X-PROGRAM-DATE-TIME',
    (draft, value) => {
      const timeMs = parseDateTime(value)
      return timeMs !== null && setNext(draft, { timeMs })
    },
  ],
  [
    '#EXT-X-BYTERANGE',
    (draft, value) => {
      const byteRange = parseByteRange(value)
      return byteRange !== null && setNext(draft, { byteRange })
    },
  ],
  ['#EXT-X-KEY', withAttributes(readKeyTag)],
  ['#EXT-X-MAP', withAttributes(readMapTag)],
  [
    '#EXT-X-DEFINE',
    withAttributes((draft, attributes) => {
      const { variables = new Map() } = draft.origin
      return defineVariable(draft.variables, attributes, { imported: variables, readQuery: () => queryOfUrl(draft) })
    }),
  ],
  [
    '#EXT-X-SERVER-CONTROL',
    withAttributes((draft, attributes) => {
      const skipUntilSec = parseSeconds(attributes.get('CAN-SKIP-UNTIL') ?? '')
      draft.control = { canBlock: attributes.get('CAN-BLOCK-RELOAD') === 'YES', skipUntilSec }
      return true
    }),
  ],
  ['#EXT-X-SKIP', withAttributes(readSkipTag)],
  [
    '#EXT-X-STREAM-INF',
    withAttributes((draft, attributes) => {
      draft.variant = attributes
      return true
    }),
  ],
  [
    '#EXT-X-MEDIA',
    withAttributes((draft, attributes, unread) => {
      // Without its URI it would be inside the variants.
      return !unread.has('URI') && draft.media.length < MAX_RENDITIONS && draft.media.push(attributes) > 0
    }),
  ],
])

/** Returns the query of the playlist's URL. That after redirects counts before the requested one. */
function queryOfUrl(draft: PlaylistDraft): ReadonlyMap<string, string> {
  const { url, requestedUrl = url } = draft.origin
  draft.query ??= parseQueries([url, requestedUrl])
  return draft.query
}

function readKeyTag(draft: PlaylistDraft, attributes: AttributeList, unread: ReadonlySet<string>): boolean {
  const key = unread.size > 0 ? UNREADABLE_KEY : readKey(attributes, (uri) => resolveReference(draft, uri))
  if (key === null) return false
  // Of several systems that protect the same segments, only AES-128 can be decrypted.
  if (!(draft.isKeyNew && draft.key.kind === 'aes-128' && key.kind === 'drm')) draft.key = key
  draft.isKeyNew = true
  return true
}

/** Reads EXT-X-MAP. Without a section that can be fetched, segments have none: a transport stream needs none. */
function readMapTag(draft: PlaylistDraft, attributes: AttributeList): boolean {
  const uri = attributes.get('URI') ?? ''
  const url = readDataUrl(uri) === null ? resolveReference(draft, uri) : uri
  const text = attributes.get('BYTERANGE')
  const range = text === undefined ? null : parseByteRange(text)
  draft.map = null
  if (url === null || (text !== undefined && range === null)) return false
  const byteRange = range === null ? null : { length: range.length, offset: range.offset ?? 0 }
  const encryption = encryptionOfMap(draft.key)
  draft.map = encryption === null ? { url, byteRange } : { url, byteRange, encryption }
  countDiscontinuities(draft, draft.discontinuities)
  return true
}

/** Sets the number of discontinuities up to here, also for the initialization section that goes on after them. */
function countDiscontinuities(draft: PlaylistDraft, count: number): void {
  draft.discontinuities = count
  if (count !== 0 && draft.map !== null) draft.map = { ...draft.map, discontinuities: count }
}

/** Returns the encryption of an initialization section. Where the key lacks its vector, players take that of number 0. */
function encryptionOfMap(key: DeclaredKey): SegmentEncryption | null {
  return key.kind === 'aes-128' ? encryptionOf(key, 0) : null
}

/** Reads EXT-X-SKIP, once. What the skipped segments' tags declared is taken from the previous playlist. */
function readSkipTag(draft: PlaylistDraft, attributes: AttributeList): boolean {
  const count = parseSequence(attributes.get('SKIPPED-SEGMENTS'))
  if (count === null || count <= 0 || draft.skippedSegments > 0) return false
  draft.skippedSegments = count
  const last = (draft.mediaSequence ?? 0) + count - 1
  const before = draft.origin.previous?.segments.find(({ sequence }) => sequence === last)
  if (before !== undefined) {
    draft.map = before.map
    draft.discontinuities = before.map === null ? draft.discontinuities : (before.map.discontinuities ?? 0)
    draft.key = toDeclaredKey(before.encryption)
    draft.rangeEnd = endOfRange(before)
  }
  return true
}

function toDeclaredKey(encryption: SegmentEncryption | null): DeclaredKey {
  if (encryption === null) return { kind: 'none' }
  if (encryption.kind === 'drm') return encryption
  return { kind: 'aes-128', keyUrl: encryption.keyUrl, iv: encryption.hasOwnIv ? encryption.iv : null }
}

/** Reads a line with a URI: of a variant or of a segment. Returns whether it can be used. */
function readUri(draft: PlaylistDraft, line: string, isWhole = true): boolean {
  const resolve = () => (isWhole ? resolveLine(draft, line) : null)
  if (draft.variant !== null) return readVariant(draft, draft.variant, resolve)
  const tags = draft.next
  if (!tags.hasInf || draft.segments.length >= MAX_SEGMENTS) return false
  draft.next = NO_TAGS
  draft.isKeyNew = false
  const url = resolve()
  const resource = url === null ? null : toResource(draft, url, tags)
  if (resource !== null) draft.rangeEnd = endOfRange(resource)
  draft.segments.push(toSegment(draft, resource ?? `${UNUSABLE_URL}${line}`, tags))
  return resource !== null
}

function readVariant(draft: PlaylistDraft, attributes: AttributeList, resolve: () => string | null): boolean {
  draft.variant = null
  const url = draft.variants.length < MAX_RENDITIONS ? resolve() : null
  return url !== null && draft.variants.push({ url, attributes }) > 0
}

/** Returns what of a URL a segment is; `null` where its byte range cannot be counted. */
function toResource(draft: PlaylistDraft, url: string, tags: NextSegment): StreamResource | null {
  const byteRange = completeRange(draft, url, tags.byteRange)
  return byteRange === null || Number.isSafeInteger(byteRange.offset + byteRange.length) ? { url, byteRange } : null
}

function toSegment(draft: PlaylistDraft, resource: StreamResource | string, tags: NextSegment): SegmentDraft {
  const { map, key, mediaSequence, skippedSegments, segments } = draft
  const isUnusable = typeof resource === 'string'
  return {
    ...(isUnusable ? { url: resource, byteRange: null, isUnusable } : resource),
    durationSec: tags.durationSec,
    programDateTimeMs: tags.timeMs,
    discontinuity: tags.discontinuity,
    map,
    encryption: encryptionOf(key, (mediaSequence ?? 0) + skippedSegments + segments.length),
    ...(tags.isGap ? { isGap: true as const } : {}),
  }
}

function endOfRange({ url, byteRange }: StreamResource): PlaylistDraft['rangeEnd'] {
  return byteRange === null ? null : { url, offset: byteRange.offset + byteRange.length }
}

/** Completes a byte range without an offset: it continues the one before it in the same file (RFC 8216 §4.3.2.2). */
function completeRange({ rangeEnd }: PlaylistDraft, url: string, range: NextSegment['byteRange']): ByteRange | null {
  if (range === null) return null
  return { length: range.length, offset: range.offset ?? (rangeEnd?.url === url ? rangeEnd.offset : 0) }
}
