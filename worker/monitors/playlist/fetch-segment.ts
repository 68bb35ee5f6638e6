import type { Fetcher, FetchResult } from '../../platform/http.ts'
import type { StreamClient } from '../monitor-context.ts'
import type { StreamResource } from '../stream.ts'
import { createFailedFetch } from './fetch-playlist.ts'

export type SegmentFetchOptions = {
  readonly fetcher: Fetcher
  readonly timeouts: { readonly segmentMs: number }
  readonly segmentMaxBytes: number
}

/** Returns a function that fetches a segment and its initialization section (EXT-X-MAP) in one attempt. */
export function createSegmentFetcher(options: SegmentFetchOptions): StreamClient['fetchSegment'] {
  const { fetcher, timeouts, segmentMaxBytes } = options
  const initSections = createInitSectionCache()
  return async (segment, signal) => {
    if (segment.encryption !== null) return createFailedFetch(`${segment.encryption} encryption is not supported`)
    const get = ({ url, byteRange }: StreamResource, acceptsTruncated = false) =>
      fetcher.get(url, {
        acceptsTruncated,
        timeoutMs: timeouts.segmentMs,
        maxBytes: segmentMaxBytes,
        byteRange,
        signal,
      })
    const map = segment.map === null ? null : await initSections.get(segment.map, get)
    if (map?.kind === 'failed') {
      return { kind: 'failed', failure: { ...map.failure, message: `init segment: ${map.failure.message}` } }
    }
    const fetched = await get(segment, true)
    if (fetched.kind === 'failed') return fetched
    return { kind: 'ok', bytes: fetched.bytes, isTruncated: fetched.isTruncated, map: map?.bytes ?? null }
  }
}

type FetchResource = (resource: StreamResource) => Promise<FetchResult>

/** Keeps the initialization sections in use, which stay the same for hours: one per rendition. */
type InitSectionCache = { get(map: StreamResource, fetch: FetchResource): Promise<FetchResult> }

const CACHED_INIT_SECTIONS = 2

function createInitSectionCache(): InitSectionCache {
  const cached = new Map<string, FetchResult>()
  return {
    async get(map, fetch) {
      const key = JSON.stringify([map.url, map.byteRange])
      const fetched = cached.get(key) ?? (await fetch(map))
      if (fetched.kind === 'failed') return fetched
      cached.delete(key)
      cached.set(key, fetched)
      for (const oldest of [...cached.keys()].slice(0, -CACHED_INIT_SECTIONS)) cached.delete(oldest)
      return fetched
    },
  }
}
