import { fileURLToPath } from 'node:url'

import { startLocalServer } from '../../shared/testing/local-server.ts'

/** State of a broadcast's page; `error` is the message that yt-dlp fails with. */
export type BroadcastState =
  | { readonly live_status: 'is_upcoming'; readonly title: string; readonly release_timestamp: number | null }
  | { readonly live_status: 'is_live'; readonly title: string; readonly manifest_url: string }
  | { readonly live_status: 'post_live' | 'was_live' | 'not_live'; readonly title: string }
  | { readonly error: string }

/** YouTube's messages for broadcasts that cannot be watched. */
export const REFUSALS = {
  private: "Private video. Sign in if you've been granted access to this video",
  removed: 'Video unavailable. This video has been removed by the uploader',
  botCheck: 'Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the authentication',
} as const

/** A running site. */
export type BroadcastSite = AsyncDisposable & {
  /** Returns the URL of a broadcast's page. */
  url(id: string): string
  /** Sets the state of a page; without a state, the page does not exist. */
  set(id: string, state: BroadcastState): void
  /** Path of the real yt-dlp with an extractor for this site. */
  readonly ytdlpPath: string
}

/** Starts a site with pages `/watch/ID`, which the real yt-dlp can read. */
export async function startBroadcastSite(): Promise<BroadcastSite> {
  const states = new Map<string, BroadcastState>()
  const server = await startLocalServer(async (request, response) => {
    const state = states.get(/^\/watch\/([\w-]+)\/state$/.exec(request.url ?? '')?.[1] ?? '')
    if (state === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(state))
  })
  return {
    url: (id) => `${server.origin}/watch/${id}`,
    set: (id, state) => states.set(id, state),
    ytdlpPath: fileURLToPath(new URL('site-plugin/yt-dlp', import.meta.url)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
