import type { ByteRange, Fetcher } from '../../platform/http.ts'
import type { StreamClient } from '../monitor-context.ts'
import type { FailedSegmentFetch, InitSection, SegmentEncryption, StreamResource } from '../stream.ts'
import { BLOCK_BYTES, decryptAes128 } from './decrypt-segment.ts'
import { findNoMedia, toNoMediaFailure } from './no-media.ts'
import { KEY_BYTES, readDataKey } from './segment-key.ts'

export type SegmentFetchOptions = {
  readonly fetcher: Fetcher
  readonly timeouts: { readonly segmentMs: number }
  readonly segmentMaxBytes: number
}

/** Bytes of a resource, decrypted. */
type FetchedBytes = { readonly kind: 'ok'; readonly bytes: Uint8Array; readonly isTruncated: boolean }

type FetchBytes = (resource: StreamResource) => Promise<FetchedBytes | FailedSegmentFetch>

/**
 * Returns a function that fetches a segment and its initialization section (EXT-X-MAP) in one attempt, both decrypted.
 * Initialization sections and keys stay the same for many segments and are fetched once.
 */
export function createSegmentFetcher(options: SegmentFetchOptions): StreamClient['fetchSegment'] {
  const initSections = createResourceCache(CACHED_INIT_SECTIONS)
  const keys = createResourceCache(CACHED_KEYS)
  return async (segment, signal) => {
    const get = (resource: StreamResource, limits: Partial<FetchLimits> = {}) =>
      fetchResource(
        resource,
        { maxBytes: options.segmentMaxBytes, acceptsTruncated: false, ...limits },
        options,
        signal,
      )
    const getKey = async (url: string): Promise<FetchedBytes | FailedSegmentFetch> => {
      const bytes = readDataKey(url)
      if (bytes !== null) return { kind: 'ok', bytes, isTruncated: false }
      const resource = { url, byteRange: null }
      return await keys.get(resource, (each) => get(each, { maxBytes: KEY_BYTES }).then(checkKey))
    }
    const getInit = (map: InitSection) =>
      initSections.get({ ...map, sequence: segment.sequence }, async (resource) =>
        decrypt(await get(resource), map.encryption ?? null, getKey, false),
      )
    const { encryption } = segment
    // First the key: without it, a large segment would be fetched for nothing.
    const key = encryption?.kind === 'aes-128' ? await getKey(encryption.keyUrl) : null
    if (key?.kind === 'failed') return toKeyFailure(key)
    const map = segment.map === null ? null : await getInit(segment.map)
    if (map?.kind === 'failed') return withContext('init segment', map)
    const raw = checkMedia(await get(segment, { acceptsTruncated: true }))
    const fetched = await decrypt(raw, encryption, getKey, true)
    return fetched.kind === 'failed' ? fetched : { ...fetched, map: map === null ? null : map.bytes }
  }
}

type FetchLimits = { readonly maxBytes: number; readonly acceptsTruncated: boolean }

async function fetchResource(
  { url, byteRange }: { readonly url: string; readonly byteRange: ByteRange | null },
  limits: FetchLimits,
  { fetcher, timeouts }: SegmentFetchOptions,
  signal: AbortSignal,
): Promise<FetchedBytes | FailedSegmentFetch> {
  const fetched = await fetcher.get(url, { ...limits, timeoutMs: timeouts.segmentMs, byteRange, signal })
  return fetched.kind === 'failed' ? fetched : { kind: 'ok', bytes: fetched.bytes, isTruncated: fetched.isTruncated }
}

/** Returns the failure of a page in place of a segment. It is not encrypted: decrypted, it would look like damaged media. */
function checkMedia(fetched: FetchedBytes | FailedSegmentFetch): FetchedBytes | FailedSegmentFetch {
  const problem = fetched.kind === 'ok' ? findNoMedia(fetched.bytes) : null
  return problem === null ? fetched : toNoMediaFailure(problem)
}

function checkKey(fetched: FetchedBytes | FailedSegmentFetch): FetchedBytes | FailedSegmentFetch {
  if (fetched.kind === 'failed') return fetched
  if (fetched.bytes.length === KEY_BYTES) return fetched
  return {
    kind: 'failed',
    failure: { message: `has ${fetched.bytes.length} bytes instead of ${KEY_BYTES}`, status: null },
  }
}

/** Decrypts a fetched resource. A key that cannot be fetched is the failure `key`. */
async function decrypt(
  fetched: FetchedBytes | FailedSegmentFetch,
  encryption: SegmentEncryption | null,
  getKey: (url: string) => Promise<FetchedBytes | FailedSegmentFetch>,
  isMedia: boolean,
): Promise<FetchedBytes | FailedSegmentFetch> {
  if (fetched.kind === 'failed' || encryption?.kind !== 'aes-128') return fetched
  // Some packagers leave the initialization section clear beside encrypted segments.
  if (!isMedia && isClearInitSection(fetched.bytes)) return fetched
  const key = await getKey(encryption.keyUrl)
  if (key.kind === 'failed') return toKeyFailure(key)
  return { ...fetched, bytes: decryptAes128(fetched.bytes, key.bytes, encryption.iv) }
}

/** Boxes with which a clear initialization section begins (ISO/IEC 14496-12). */
const FIRST_BOXES = ['ftyp', 'moov', 'styp', 'free', 'skip', 'uuid', 'pdin']

/** Reports whether bytes are a clear initialization section: they begin with its box, or are not in whole blocks. */
function isClearInitSection(bytes: Uint8Array): boolean {
  return bytes.length % BLOCK_BYTES !== 0 || FIRST_BOXES.includes(Buffer.from(bytes.subarray(4, 8)).toString('latin1'))
}

function toKeyFailure(failed: FailedSegmentFetch): FailedSegmentFetch {
  const { failure } = withContext('key', failed)
  return { kind: 'failed', failure: { ...failure, failing: 'key' } }
}

function withContext(what: string, { failure }: FailedSegmentFetch): FailedSegmentFetch {
  return { kind: 'failed', failure: { ...failure, message: `${what}: ${failure.message}` } }
}

/**
 * Keeps the resources in use that stay the same for many segments: an initialization section up to a discontinuity, or to a
 * segment with a lower number, as of an encoder that was started again and has written the section anew.
 */
type ResourceCache = { get(resource: CachedResource, fetch: FetchBytes): Promise<FetchedBytes | FailedSegmentFetch> }

/** A resource and, for an initialization section, the number of the segment that needs it. */
type CachedResource = InitSection & { readonly sequence?: number | null }

type CacheEntry = { readonly fetched: FetchedBytes; readonly discontinuities: number; readonly sequence: number | null }

const CACHED_INIT_SECTIONS = 2
const CACHED_KEYS = 8

function createResourceCache(size: number): ResourceCache {
  const cached = new Map<string, CacheEntry>()
  return {
    async get({ url, byteRange, discontinuities = 0, sequence = null }, fetch) {
      const key = JSON.stringify([url, byteRange])
      const known = cached.get(key)
      const isValid = known?.discontinuities === discontinuities && !isBefore(sequence, known.sequence)
      const fetched = isValid ? known.fetched : await fetch({ url, byteRange })
      if (fetched.kind === 'failed') return fetched
      cached.delete(key)
      cached.set(key, { fetched, discontinuities, sequence })
      for (const oldest of [...cached.keys()].slice(0, -size)) cached.delete(oldest)
      return fetched
    },
  }
}

function isBefore(sequence: number | null, other: number | null): boolean {
  return sequence !== null && other !== null && sequence < other
}
