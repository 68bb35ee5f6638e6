import type { StreamForm } from '../../shared/net/stream-url.ts'
import { createClock } from '../platform/clock.ts'
import type { Fetcher } from '../platform/http.ts'
import { createDashSource } from './dash/dash-source.ts'
import { fetchRendition } from './dash/fetch-rendition.ts'
import type { StreamClient } from './monitor-context.ts'
import { createSegmentFetcher } from './playlist/fetch-segment.ts'
import { createStreamResolver } from './resolve/resolve-stream.ts'

export type StreamClientOptions = {
  readonly streamUrl: string
  /** A page is resolved by yt-dlp or streamlink. An unclear URL is first fetched. */
  readonly form: StreamForm
  readonly fetcher: Fetcher
  readonly tools: { readonly ytdlpPath: string; readonly streamlinkPath: string; readonly proxy: string | null }
  readonly timeouts: { readonly manifestMs: number; readonly segmentMs: number }
  readonly segmentMaxBytes: number
}

/** Creates the client of one monitor's stream. */
export function createStreamClient(client: StreamClientOptions): StreamClient {
  const { fetcher, timeouts } = client
  const { nowMs } = createClock()
  const options = { ...client, nowMs, dash: createDashSource({ fetcher, timeouts, nowMs }) }
  return {
    resolve: createStreamResolver(options),
    fetchPlaylist: (rendition, signal, reload) => fetchRendition(options, rendition, signal, reload),
    ...createSegmentFetcher(options),
  }
}
