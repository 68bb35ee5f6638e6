import { fileURLToPath } from 'node:url'

import { startLocalServer } from './local-server.ts'

/** What a broadcast's page on the test site says; `error` is a message that yt-dlp ends with. */
export type BroadcastState =
  | { readonly live_status: 'is_upcoming'; readonly title: string; readonly release_timestamp: number | null }
  | { readonly live_status: 'is_live'; readonly title: string; readonly manifest_url: string }
  | { readonly live_status: 'post_live' | 'was_live' | 'not_live'; readonly title: string }
  | { readonly error: string }

/** YouTube's own words for what keeps a broadcast from being watched. */
export const REFUSALS = {
  private: "Private video. Sign in if you've been granted access to this video",
  removed: 'Video unavailable. This video has been removed by the uploader',
  botCheck: 'Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the authentication',
} as const

export type Site = AsyncDisposable & {
  /** The page of a broadcast, as a user would give it. */
  url(id: string): string
  /** What the page says from now on; before, it does not exist. */
  set(id: string, state: BroadcastState): void
  /** The real yt-dlp with an extractor for this site. */
  readonly ytdlpPath: string
}

/** Starts a site of pages `/watch/ID` that the real yt-dlp understands. */
export async function startSite(): Promise<Site> {
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
