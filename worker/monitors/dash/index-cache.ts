import type { FailedFetch, Fetcher } from '../../platform/http.ts'
import { createFailedFetch } from '../playlist/fetch-playlist.ts'
import type { StreamResource } from '../stream.ts'
import { type IndexedPart, parseSegmentIndex } from './segment-index.ts'

/** Segment indexes by their place. An index never changes, so that each is fetched once. */
export type IndexCache = {
  /** Fetches an index that is not known. Returns the failure, or `null`. */
  load(index: StreamResource, signal: AbortSignal): Promise<FailedFetch | null>
  get(index: StreamResource): readonly IndexedPart[] | null
}

const MAX_INDEXES = 8
const MAX_INDEX_BYTES = 1024 * 1024
const TIMEOUT_MS = 10_000

/** Creates an empty cache. */
export function createIndexCache(fetcher: Fetcher): IndexCache {
  const known = new Map<string, readonly IndexedPart[]>()
  const keyOf = ({ url, byteRange }: StreamResource) => JSON.stringify([url, byteRange])
  return {
    async load(index, signal) {
      const key = keyOf(index)
      if (known.has(key)) return null
      const { url, byteRange } = index
      const fetched = await fetcher.get(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_INDEX_BYTES, byteRange, signal })
      if (fetched.kind === 'failed') {
        return { kind: 'failed', failure: { ...fetched.failure, message: `segment index: ${fetched.failure.message}` } }
      }
      const { buffer, byteOffset, length } = fetched.bytes
      const parts = parseSegmentIndex(Buffer.from(buffer, byteOffset, length), byteRange?.offset ?? 0)
      if (parts === null) return createFailedFetch('the segment index cannot be read')
      known.set(key, parts)
      for (const oldest of [...known.keys()].slice(0, -MAX_INDEXES)) known.delete(oldest)
      return null
    },
    get: (index) => known.get(keyOf(index)) ?? null,
  }
}
