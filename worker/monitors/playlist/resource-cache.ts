import type { FailedSegmentFetch, InitSection, StreamResource } from '../stream.ts'

/** Bytes of a resource, decrypted. */
export type FetchedBytes = { readonly kind: 'ok'; readonly bytes: Uint8Array; readonly isTruncated: boolean }

export type FetchBytes = (resource: StreamResource) => Promise<FetchedBytes | FailedSegmentFetch>

/**
 * Keeps the resources in use that stay the same for many segments: an initialization section up to a discontinuity or a new
 * period, or to a segment with a lower number, as of an encoder that was started again and has written the section anew.
 */
export type ResourceCache = {
  get(resource: CachedResource, fetch: FetchBytes): Promise<FetchedBytes | FailedSegmentFetch>
  /**
   * Fetches a resource anew, unless that was done less than `pauseMs` ago. Returns its bytes if they are others than before and
   * `isUsable`; `null` otherwise.
   */
  renew(resource: CachedResource, renewal: Renewal): Promise<Uint8Array | null>
  /** Forgets a resource, so that the next use fetches it anew. */
  forget(resource: StreamResource): void
}

/** A resource and, for an initialization section, what is known of the segment that needs it. */
export type CachedResource = InitSection & {
  /** The segment's number. */
  readonly sequence?: number | null
  /** Identifies a segment that begins a part of the stream: the first one after a discontinuity. */
  readonly beginning?: string | undefined
}

type Renewal = {
  readonly pauseMs: number
  readonly fetch: FetchBytes
  readonly isUsable: (bytes: Uint8Array) => boolean
}

/** What of the stream a resource belongs to. */
type StreamPart = Pick<CachedResource, 'discontinuities' | 'period' | 'sequence' | 'beginning'>

type CacheEntry = StreamPart & {
  readonly fetched: FetchedBytes
  /** When it was last fetched anew, in ms since 1970; -Infinity if never. */
  readonly renewedMs: number
}

/** Creates a cache of the `size` resources that were used last. */
export function createResourceCache(size: number, nowMs: () => number): ResourceCache {
  const cached = new Map<string, CacheEntry>()

  function keep(key: string, entry: CacheEntry): void {
    cached.delete(key)
    cached.set(key, entry)
    for (const oldest of [...cached.keys()].slice(0, -size)) cached.delete(oldest)
  }

  return {
    async get(resource, fetch) {
      const { url, byteRange } = resource
      const [key, part] = [identifyResource(resource), partOf(resource)]
      const known = cached.get(key)
      const isValid = known !== undefined && isSamePart(known, part)
      const fetched = isValid ? known.fetched : await fetch({ url, byteRange })
      if (fetched.kind === 'failed') return fetched
      const renewedMs = isValid ? known.renewedMs : -Infinity
      const beginning = part.beginning ?? (isValid ? known.beginning : undefined)
      keep(key, { ...part, beginning, fetched, renewedMs })
      return fetched
    },
    async renew(resource, { pauseMs, fetch, isUsable }) {
      const { url, byteRange } = resource
      const [key, part] = [identifyResource(resource), partOf(resource)]
      const known = cached.get(key)
      if (known !== undefined && nowMs() - known.renewedMs < pauseMs) return null
      if (known !== undefined) keep(key, { ...known, renewedMs: nowMs() })
      const fetched = await fetch({ url, byteRange })
      if (fetched.kind === 'failed' || !isUsable(fetched.bytes)) return null
      if (known !== undefined && Buffer.from(known.fetched.bytes).equals(fetched.bytes)) return null
      keep(key, { ...part, beginning: part.beginning ?? known?.beginning, fetched, renewedMs: nowMs() })
      return fetched.bytes
    },
    forget: (resource) => void cached.delete(identifyResource(resource)),
  }
}

function identifyResource({ url, byteRange }: StreamResource): string {
  return JSON.stringify([url, byteRange])
}

function partOf({ url: _url, byteRange: _range, ...part }: CachedResource): StreamPart {
  return part
}

/** Reports whether what was fetched for one part of the stream serves a segment too. */
function isSamePart(known: StreamPart, part: StreamPart): boolean {
  if ((known.discontinuities ?? 0) !== (part.discontinuities ?? 0) || known.period !== part.period) return false
  if (part.beginning !== undefined && part.beginning !== known.beginning) return false
  return !isBefore(part.sequence ?? null, known.sequence ?? null)
}

function isBefore(sequence: number | null, other: number | null): boolean {
  return sequence !== null && other !== null && sequence < other
}
