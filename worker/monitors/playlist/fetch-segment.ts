import { hasMovie, needsMovie } from '../../media/demux/fragmented-mp4.ts'
import type { ByteRange, Fetcher } from '../../platform/http.ts'
import type { StreamClient } from '../monitor-context.ts'
import type {
  FailedSegmentFetch,
  InitSection,
  SegmentEncryption,
  SegmentFetch,
  StreamResource,
  StreamSegment,
} from '../stream.ts'
import { BLOCK_BYTES, decryptAes128 } from './decrypt-segment.ts'
import { findNoMedia, toNoMediaFailure } from './no-media.ts'
import { readDataUrl } from './data-url.ts'
import { type CachedResource, createResourceCache, type FetchedBytes } from './resource-cache.ts'
import { KEY_BYTES, readDataKey } from './segment-key.ts'

export type SegmentFetchOptions = {
  readonly fetcher: Fetcher
  readonly timeouts: { readonly segmentMs: number }
  readonly segmentMaxBytes: number
  /** Returns the time in ms since 1970. */
  readonly nowMs: () => number
}

/** Fetches segments and their initialization sections (EXT-X-MAP), each in one attempt and decrypted. */
export type SegmentFetcher = Pick<StreamClient, 'fetchSegment' | 'renewInit'>

const CACHED_INIT_SECTIONS = 2
const CACHED_KEYS = 8

/** Creates a fetcher. Initialization sections and keys stay the same for many segments and are fetched once. */
export function createSegmentFetcher(options: SegmentFetchOptions): SegmentFetcher {
  const initSections = createResourceCache(CACHED_INIT_SECTIONS, options.nowMs)
  const keys = createResourceCache(CACHED_KEYS, options.nowMs)

  function createGetters(signal: AbortSignal) {
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
    const fetchInit = async (resource: StreamResource, { encryption }: Pick<InitSection, 'encryption'>) =>
      decrypt(readData(resource) ?? (await get(resource)), encryption ?? null, getKey, false)
    return { get, getKey, fetchInit }
  }

  return {
    async fetchSegment(segment, signal) {
      const getters = createGetters(signal)
      const section = findInitSection(segment)
      // First the key: without it, a large segment would be fetched for nothing.
      const failedKey = await findFailedKey(segment, getters)
      if (failedKey !== null) return failedKey
      if (section === null) return withInit(await fetchBody(segment, getters), null)
      const map = await initSections.get(section, (each) => getters.fetchInit(each, section))
      if (map.kind === 'failed') return withContext('init segment', map)
      const body = await fetchBody(segment, getters)
      const problem = body.kind === 'failed' ? null : findInitProblem(body.bytes, map.bytes)
      if (problem === null) return withInit(body, map.bytes)
      initSections.forget(section)
      return toNoMediaFailure(problem)
    },
    async renewInit(segment, pauseMs, signal) {
      const { fetchInit } = createGetters(signal)
      const section = findInitSection(segment)
      if (section === null) return null
      const fetch = (each: StreamResource) => fetchInit(each, section)
      return await initSections.renew(section, { pauseMs, fetch, isUsable: hasMovie })
    },
  }
}

/** Returns the initialization section that a segment needs, and what of the stream it belongs to. */
function findInitSection({ map, sequence, url, discontinuity }: StreamSegment): CachedResource | null {
  if (map === null) return null
  return { ...map, sequence, ...(discontinuity ? { beginning: `${sequence} ${url}` } : {}) }
}

/** Fetch functions of one attempt. */
type Getters = {
  readonly get: (resource: StreamResource, limits?: Partial<FetchLimits>) => Promise<FetchedBytes | FailedSegmentFetch>
  readonly getKey: (url: string) => Promise<FetchedBytes | FailedSegmentFetch>
}

/** Fetches the key of a segment. Returns the failure; `null` where there is none. */
async function findFailedKey({ encryption }: StreamSegment, { getKey }: Getters): Promise<FailedSegmentFetch | null> {
  const key = encryption?.kind === 'aes-128' ? await getKey(encryption.keyUrl) : null
  return key?.kind === 'failed' ? toKeyFailure(key) : null
}

/** Fetches a segment without its initialization section, decrypted. */
async function fetchBody(segment: StreamSegment, { get, getKey }: Getters): Promise<FetchedBytes | FailedSegmentFetch> {
  const raw = checkMedia(await get(segment, { acceptsTruncated: true }))
  return await decrypt(raw, segment.encryption, getKey, true)
}

function withInit(fetched: FetchedBytes | FailedSegmentFetch, map: Uint8Array | null): SegmentFetch {
  return fetched.kind === 'failed' ? fetched : { ...fetched, map }
}

/** Returns why a segment's initialization section holds none, as before it is there; `null` where it may serve. */
function findInitProblem(bytes: Uint8Array, init: Uint8Array): string | null {
  if (!needsMovie(bytes) || hasMovie(init)) return null
  return findNoMedia(init)?.replace('segment', 'init segment') ?? 'init segment has no whole moov box'
}

/** Returns what a `data:` URL holds; `null` for a resource that has to be fetched. */
function readData({ url, byteRange }: StreamResource): FetchedBytes | null {
  const bytes = readDataUrl(url)
  if (bytes === null) return null
  const { offset, length } = byteRange ?? { offset: 0, length: bytes.length }
  return { kind: 'ok', bytes: bytes.subarray(offset, offset + length), isTruncated: false }
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
