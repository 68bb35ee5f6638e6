import type { Fetcher } from '../platform/http.ts'
import type { StreamClient } from './monitor-context.ts'
import { fetchMediaPlaylist } from './playlist/fetch-playlist.ts'
import { createSegmentFetcher } from './playlist/fetch-segment.ts'
import { resolvePage, resolvePlaylistUrl } from './resolve/resolve-stream.ts'

export type StreamClientOptions = {
  readonly streamUrl: string
  /** The URL is that of a playlist; otherwise it is a page, which yt-dlp or streamlink resolves. */
  readonly isDirect: boolean
  readonly fetcher: Fetcher
  readonly tools: { readonly ytdlpPath: string; readonly streamlinkPath: string; readonly proxy: string | null }
  readonly timeouts: { readonly manifestMs: number; readonly segmentMs: number }
  readonly segmentMaxBytes: number
}

/** Creates the client of one monitor's stream. */
export function createStreamClient(options: StreamClientOptions): StreamClient {
  return {
    resolve: (signal) => (options.isDirect ? resolvePlaylistUrl(options, signal) : resolvePage(options, signal)),
    fetchPlaylist: (rendition, signal, reload) => fetchMediaPlaylist(options, rendition, signal, reload),
    fetchSegment: createSegmentFetcher(options),
  }
}
