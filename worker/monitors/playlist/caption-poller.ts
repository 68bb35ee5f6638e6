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

/** Pauses between two checks, in ms: of captions that are there, and of those that are gone. */
const PAUSE_MS = { there: 10_000, gone: 2000 }

/** Creates a poller. `onChecked` is called after each check. */
export function createCaptionPoller(context: MonitorContext, onChecked: () => void): CaptionPoller {
  const { monitor, clock, config, client, lifetime } = context
  let url: string | null = null
  let nextMs = -Infinity
  let checking: Promise<void> | null = null
  let failed: { readonly error: unknown } | null = null

  async function check(captionUrl: string): Promise<void> {
    const fetched = await client.fetchPlaylist({ url: captionUrl, tracks: 'both' }, lifetime.stopping)
    if (lifetime.stopping.aborted || captionUrl !== url) return
    const isMissing = fetched.kind === 'failed' && isGone(fetched.failure.status)
    nextMs = clock.nowMs() + (isMissing ? PAUSE_MS.gone : PAUSE_MS.there)
    // Any other failure says nothing about the captions.
    if (isMissing || fetched.kind === 'ok') monitor.observe({ kind: 'captions', atMs: clock.nowMs(), isMissing })
  }

  function start(captionUrl: string): Promise<void> {
    return check(captionUrl)
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
      const next = renditions.find(({ captionUrl }) => captionUrl !== undefined)?.captionUrl ?? null
      if (next !== url) nextMs = -Infinity
      url = next
      const isOver = next === null && monitor.state().captions !== null
      if (isOver) monitor.observe({ kind: 'captions', atMs: clock.nowMs(), isMissing: false })
    },
    startDue() {
      if (failed !== null) throw failed.error
      if (url === null || config.track_threshold_sec === 0 || clock.nowMs() < nextMs) return
      checking ??= start(url)
    },
    dueMs: () => (url === null || config.track_threshold_sec === 0 || checking !== null ? Infinity : nextMs),
    async waitUntilIdle() {
      await checking
      if (failed !== null) throw failed.error
    },
  }
}

function isGone(status: number | null): boolean {
  return status === 403 || status === 404 || status === 410
}
