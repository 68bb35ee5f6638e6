import { fetchMediaPlaylist, type PlaylistFetchOptions } from '../playlist/fetch-playlist.ts'
import type { MediaPlaylistFetch, PlaylistReload, StreamRendition } from '../stream.ts'
import type { DashSource } from './dash-source.ts'

export type RenditionFetchOptions = PlaylistFetchOptions & { readonly dash: DashSource }

/** Fetches the segments of a rendition, in one attempt: a media playlist of HLS, or a representation of an MPD. */
export function fetchRendition(
  options: RenditionFetchOptions,
  rendition: StreamRendition,
  signal: AbortSignal,
  reload?: PlaylistReload,
): Promise<MediaPlaylistFetch> {
  const { representation } = rendition
  return representation === undefined
    ? fetchMediaPlaylist(options, rendition, signal, reload)
    : options.dash.fetchPlaylist(rendition, representation, signal)
}
