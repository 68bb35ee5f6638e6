import type { Fetched, Fetcher } from '../platform/http.ts'
import { fetchManifest } from './manifest.ts'
import { resolveManifest, resolvePage } from './resolve.ts'
import type { ByteRange, FetchTrouble, MediaPlaylist, Rendition, Resolution, Segment } from './snapshot.ts'

export type SourceOptions = {
  readonly streamUrl: string
  /** The URL is that of a playlist itself; else it is a page, which yt-dlp or streamlink resolves. */
  readonly direct: boolean
  readonly fetcher: Fetcher
  readonly tools: { readonly ytdlpPath: string; readonly streamlinkPath: string; readonly proxy: string | null }
  readonly timeouts: { readonly manifestMs: number; readonly segmentMs: number }
  readonly segmentMaxBytes: number
}

type Trouble = { readonly kind: 'trouble'; readonly trouble: FetchTrouble }
export type FetchedPlaylist =
  | { readonly kind: 'ok'; readonly playlist: MediaPlaylist; readonly bytes: number }
  | Trouble
/** `map` is the init segment that must stand before the bytes, where there is one. */
export type FetchedSegment =
  | {
      readonly kind: 'ok'
      readonly bytes: Uint8Array
      /** Longer than SEGMENT_MAX_BYTES: only its beginning is here. */
      readonly isCut: boolean
      readonly map: Uint8Array | null
    }
  | Trouble

/** Where a stream is found and fetched. Every call is one try: whoever calls decides about another. */
export type StreamSource = {
  /** Finds out whether the stream is live and where; asks anew at each call. */
  resolve(signal: AbortSignal): Promise<Resolution>
  playlist(rendition: Rendition, signal: AbortSignal): Promise<FetchedPlaylist>
  segment(segment: Segment, signal: AbortSignal): Promise<FetchedSegment>
}

/** The source of one monitor. */
export function createSource(options: SourceOptions): StreamSource {
  const initSegments = createInitSegments()
  return {
    resolve: (signal) => (options.direct ? resolveManifest(options, signal) : resolvePage(options, signal)),
    playlist: (rendition, signal) => fetchPlaylist(options, rendition.url, signal),
    segment: (segment, signal) => fetchSegment(options, segment, initSegments, signal),
  }
}

async function fetchPlaylist(options: SourceOptions, url: string, signal: AbortSignal): Promise<FetchedPlaylist> {
  const fetched = await fetchManifest(options, url, signal)
  if (fetched.kind === 'master') return trouble('the answer is a master playlist within a master playlist')
  return fetched.kind === 'media' ? { ...fetched, kind: 'ok' } : fetched
}

async function fetchSegment(
  options: SourceOptions,
  segment: Segment,
  initSegments: InitSegments,
  signal: AbortSignal,
): Promise<FetchedSegment> {
  if (segment.encryption !== null) return trouble(`${segment.encryption} encryption is not supported`)
  const get = ({ url, byteRange }: Resource, beginningWillDo = false) =>
    options.fetcher.get(url, {
      beginningWillDo,
      timeoutMs: options.timeouts.segmentMs,
      maxBytes: options.segmentMaxBytes,
      byteRange,
      signal,
    })
  const map = segment.map === null ? null : await initSegments.get(segment.map, get)
  if (map?.kind === 'trouble') {
    return { kind: 'trouble', trouble: { ...map.trouble, message: `init segment: ${map.trouble.message}` } }
  }
  const fetched = await get(segment, true)
  if (fetched.kind === 'trouble') return fetched
  return { kind: 'ok', bytes: fetched.bytes, isCut: fetched.isCut, map: map?.bytes ?? null }
}

type Resource = { readonly url: string; readonly byteRange: ByteRange | null }
type Fetching = (resource: Resource) => Promise<Fetched>

/** Keeps the init segments in use, one a rendition: they are the same for hours. */
type InitSegments = { get(map: Resource, fetch: Fetching): Promise<Fetched> }

const KEPT_INIT_SEGMENTS = 2

function createInitSegments(): InitSegments {
  const kept = new Map<string, Fetched>()
  return {
    async get(map, fetch) {
      const key = JSON.stringify([map.url, map.byteRange])
      const fetched = kept.get(key) ?? (await fetch(map))
      if (fetched.kind === 'trouble') return fetched
      kept.delete(key)
      kept.set(key, fetched)
      for (const oldest of [...kept.keys()].slice(0, -KEPT_INIT_SEGMENTS)) kept.delete(oldest)
      return fetched
    },
  }
}

function trouble(message: string): Trouble {
  return { kind: 'trouble', trouble: { message, status: null } }
}
