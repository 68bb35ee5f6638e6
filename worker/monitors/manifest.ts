import type { Fetcher } from '../platform/http.ts'
import { MAX_PLAYLIST_BYTES, type ParsedPlaylist, parsePlaylist } from './playlist.ts'
import type { FetchTrouble } from './snapshot.ts'

export type ManifestOptions = { readonly fetcher: Fetcher; readonly timeouts: { readonly manifestMs: number } }

/** A playlist as it was fetched, `bytes` long; an answer that is none is trouble too. */
export type FetchedManifest =
  | (Exclude<ParsedPlaylist, { kind: 'invalid' }> & { readonly bytes: number })
  | { readonly kind: 'trouble'; readonly trouble: FetchTrouble }

/** Fetches and parses a playlist, once; its references resolve against where redirects led. */
export async function fetchManifest(
  { fetcher, timeouts }: ManifestOptions,
  url: string,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  const fetched = await fetcher.get(url, { timeoutMs: timeouts.manifestMs, maxBytes: MAX_PLAYLIST_BYTES, signal })
  if (fetched.kind === 'trouble') return fetched
  const parsed = parsePlaylist(new TextDecoder().decode(fetched.bytes), fetched.url)
  if (parsed.kind !== 'invalid') return { ...parsed, bytes: fetched.bytes.length }
  return { kind: 'trouble', trouble: { message: `the answer ${parsed.reason}`, status: null } }
}
