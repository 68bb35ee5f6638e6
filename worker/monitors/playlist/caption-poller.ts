import type { MonitorContext } from '../monitor-context.ts'
import type { StreamRendition } from '../stream.ts'

/** Checks whether the playlist of the captions is there. */
export type CaptionPoller = {
  /** Checks the captions of these renditions from now on. */
  watch(renditions: readonly StreamRendition[]): void
  /** Starts a check if one is due. Throws the error of the last one. */
  startDue(): void
  /** Returns the time of the next check, in ms since 1970; `Infinity` while there is none. */
  dueMs(): number
  /** Resolves once no check is under way. Throws its error. */
  waitUntilIdle(): Promise<void>
}

/** The playlist of captions, which may import variables of its master playlist. */
type CaptionPlaylist = Pick<StreamRendition, 'url' | 'variables'>

function findCaptions(renditions: readonly StreamRendition[]): CaptionPlaylist | null {
  for (const { captionUrl: url, variables } of renditions) {
    if (url !== undefined) return variables === undefined ? { url } : { url, variables }
  }
  return null
}

/** Pauses between two checks, in ms: of captions that are there, and of those that are gone. */
const PAUSE_MS = { there: 10_000, gone: 2000 }

/** Creates a poller. `onChecked` is called after each check. */
export function createCaptionPoller(context: MonitorContext, onChecked: () => void): CaptionPoller {
  const { monitor, clock, config, client, lifetime } = context
  let watched: CaptionPlaylist | null = null
  let nextMs = -Infinity
  let checking: Promise<void> | null = null
  let failed: { readonly error: unknown } | null = null

  async function check(playlist: CaptionPlaylist): Promise<void> {
    const fetched = await client.fetchPlaylist({ ...playlist, tracks: 'both' }, lifetime.stopping)
    if (lifetime.stopping.aborted || playlist.url !== watched?.url) return
    const isMissing = fetched.kind === 'failed' && isGone(fetched.failure.status)
    nextMs = clock.nowMs() + (isMissing ? PAUSE_MS.gone : PAUSE_MS.there)
    // Any other failure says nothing about the captions.
    if (isMissing || fetched.kind === 'ok') monitor.observe({ kind: 'captions', atMs: clock.nowMs(), isMissing })
  }

  function start(playlist: CaptionPlaylist): Promise<void> {
    return check(playlist)
      .catch((error: unknown) => {
        failed = { error }
      })
      .finally(() => {
        checking = null
        onChecked()
      })
  }

  return {
    watch(renditions) {
      const next = findCaptions(renditions)
      if (next?.url !== watched?.url) nextMs = -Infinity
      watched = next
      const isOver = next === null && monitor.state().captions !== null
      if (isOver) monitor.observe({ kind: 'captions', atMs: clock.nowMs(), isMissing: false })
    },
    startDue() {
      if (failed !== null) throw failed.error
      if (watched === null || config.track_threshold_sec === 0 || clock.nowMs() < nextMs) return
      checking ??= start(watched)
    },
    dueMs: () => (watched === null || config.track_threshold_sec === 0 || checking !== null ? Infinity : nextMs),
    async waitUntilIdle() {
      await checking
      if (failed !== null) throw failed.error
    },
  }
}

function isGone(status: number | null): boolean {
  return status === 403 || status === 404 || status === 410
}
