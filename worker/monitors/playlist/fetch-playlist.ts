import type { FailedFetch, Fetcher } from '../../platform/http.ts'
import type { MediaPlaylistFetch } from '../stream.ts'
import { MAX_PLAYLIST_BYTES, type ParsedPlaylist, parsePlaylist } from './parse-playlist.ts'

export type PlaylistFetchOptions = { readonly fetcher: Fetcher; readonly timeouts: { readonly manifestMs: number } }

/** Result of fetching a playlist of either kind; `bytes` is its size. An answer that is no playlist is a failure. */
export type PlaylistFetch = (Exclude<ParsedPlaylist, { kind: 'invalid' }> & { readonly bytes: number }) | FailedFetch

/** Fetches and parses a playlist in one attempt. References resolve against its URL after redirects. */
export async function fetchPlaylist(
  { fetcher, timeouts }: PlaylistFetchOptions,
  url: string,
  signal: AbortSignal,
): Promise<PlaylistFetch> {
  const fetched = await fetcher.get(url, { timeoutMs: timeouts.manifestMs, maxBytes: MAX_PLAYLIST_BYTES, signal })
  if (fetched.kind === 'failed') return fetched
  const parsed = parsePlaylist(new TextDecoder().decode(fetched.bytes), fetched.url)
  return parsed.kind === 'invalid'
    ? createFailedFetch(`the answer ${parsed.reason}`)
    : { ...parsed, bytes: fetched.bytes.length }
}

/** Fetches a media playlist in one attempt. A master playlist is a failure. */
export async function fetchMediaPlaylist(
  options: PlaylistFetchOptions,
  url: string,
  signal: AbortSignal,
): Promise<MediaPlaylistFetch> {
  const fetched = await fetchPlaylist(options, url, signal)
  if (fetched.kind === 'master') return createFailedFetch(NESTED_MASTER)
  return fetched.kind === 'media' ? { ...fetched, kind: 'ok' } : fetched
}

/** Error of a master playlist whose variant is a master playlist. */
export const NESTED_MASTER = 'the answer is a master playlist within a master playlist'

/** Creates a failure that has no HTTP status. */
export function createFailedFetch(message: string): FailedFetch {
  return { kind: 'failed', failure: { message, status: null } }
}
