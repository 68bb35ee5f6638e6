import type { FailedFetch, Fetcher, FetchResult } from '../../platform/http.ts'
import type { MediaPlaylistFetch, PlaylistReload, StreamRendition } from '../stream.ts'
import { decodeManifest } from './decode-manifest.ts'
import { MAX_PLAYLIST_BYTES, type ParsedPlaylist, parsePlaylist } from './parse-playlist.ts'

export type PlaylistFetchOptions = { readonly fetcher: Fetcher; readonly timeouts: { readonly manifestMs: number } }

/** Result of fetching a playlist of either kind; `bytes` is its size. An answer that is no playlist is a failure. */
export type PlaylistFetch =
  | (Extract<ParsedPlaylist, { kind: 'media' | 'master' }> & { readonly bytes: number })
  /** The answer, which is no HLS playlist. */
  | { readonly kind: 'other'; readonly answer: FetchedResource; readonly failure: FailedFetch }
  | FailedFetch

/** A resource that was fetched whole. */
export type FetchedResource = Extract<FetchResult, { readonly kind: 'ok' }>

/** A playlist to fetch: its URL, and the variables of its master playlist. */
type PlaylistTarget = { readonly url: string; readonly variables?: StreamRendition['variables'] | undefined }

const PLAIN_RELOAD: PlaylistReload = { awaited: null, previous: null }

/** Fetches and parses a playlist in one attempt. References resolve against its URL after redirects. */
export async function fetchPlaylist(
  options: PlaylistFetchOptions,
  { url, variables }: PlaylistTarget,
  signal: AbortSignal,
  reload = PLAIN_RELOAD,
): Promise<PlaylistFetch> {
  const { previous } = reload
  const timeoutMs = reload.awaited?.withinMs ?? options.timeouts.manifestMs
  const requestedUrl = withDirectives(url, reload)
  const fetched = await options.fetcher.get(requestedUrl, { timeoutMs, maxBytes: MAX_PLAYLIST_BYTES, signal })
  if (fetched.kind === 'failed') return fetched
  const origin = { url: fetched.url, requestedUrl, variables, previous }
  const parsed = parsePlaylist(decodeManifest(fetched.bytes), origin)
  if (parsed.kind === 'invalid') {
    return { kind: 'other', answer: fetched, failure: createFailedFetch(`the answer ${parsed.reason}`) }
  }
  if (parsed.kind !== 'incomplete') return { ...parsed, bytes: fetched.bytes.length }
  return previous === null
    ? createFailedFetch('the answer is a delta update of an unknown playlist')
    : await fetchPlaylist(options, { url, variables }, signal)
}

/** Adds the delivery directives of a reload to a URL (draft-pantos-hls-rfc8216bis §6.2.5). */
function withDirectives(url: string, { awaited, previous }: PlaylistReload): string {
  const directives = [
    ...(awaited === null ? [] : [`_HLS_msn=${awaited.sequence}`]),
    ...(previous === null ? [] : ['_HLS_skip=YES']),
  ]
  if (directives.length === 0) return url
  const [base = '', fragment] = url.split('#', 2)
  const joined = `${base}${base.includes('?') ? '&' : '?'}${directives.join('&')}`
  return fragment === undefined ? joined : `${joined}#${fragment}`
}

/** Fetches a media playlist in one attempt. A master playlist is a failure. */
export async function fetchMediaPlaylist(
  options: PlaylistFetchOptions,
  target: PlaylistTarget,
  signal: AbortSignal,
  reload?: PlaylistReload,
): Promise<MediaPlaylistFetch> {
  const fetched = await fetchPlaylist(options, target, signal, reload)
  if (fetched.kind === 'master') return createFailedFetch(NESTED_MASTER)
  if (fetched.kind === 'other') return fetched.failure
  return fetched.kind === 'media' ? { ...fetched, kind: 'ok' } : fetched
}

/** Error of a master playlist whose variant is a master playlist. */
const NESTED_MASTER = 'the answer is a master playlist within a master playlist'

/** Creates a failure that has no HTTP status. */
export function createFailedFetch(message: string): FailedFetch {
  return { kind: 'failed', failure: { message, status: null } }
}
