import type { MonitorContext } from '../monitor-context.ts'
import { stallAfterMs } from '../state/stall.ts'
import type { MediaPlaylistFetch, PlaylistReload, StreamPlaylist, StreamRendition } from '../stream.ts'

/** What is known of a playlist's server from the fetches so far. */
export type ReloadState = {
  /** The last playlist, where its server offers more than a plain fetch. */
  readonly previous: StreamPlaylist | null
  /** Time of its fetch, in ms since 1970. */
  readonly previousMs: number
  /** Blocked fetches that failed in a row where a plain one then did not. */
  readonly blockFailures: number
  /** The next fetch is answered once there is a new segment. */
  readonly isBlocking: boolean
}

export const INITIAL_RELOAD: ReloadState = { previous: null, previousMs: 0, blockFailures: 0, isBlocking: false }

/** Failures after which a server is taken not to block, though it says so. */
const MAX_BLOCK_FAILURES = 3

/**
 * Fetches a playlist again. Where its server offers it, the answer comes once there is a new segment (blocking reload) and
 * leaves out the older ones (draft-pantos-hls-rfc8216bis §6.2.5). Where that fails, a plain fetch decides.
 */
export async function fetchReloaded(
  rendition: StreamRendition,
  before: ReloadState,
  { client, config, clock, lifetime }: MonitorContext,
): Promise<{ readonly fetched: MediaPlaylistFetch; readonly reload: ReloadState }> {
  const directives = config.coverage === 'latest' ? null : chooseDirectives(before, clock.nowMs())
  const { stopping } = lifetime
  const first = await client.fetchPlaylist(rendition, stopping, directives ?? undefined)
  const isRefused = directives !== null && first.kind === 'failed' && !stopping.aborted
  const fetched = isRefused ? await client.fetchPlaylist(rendition, stopping) : first
  const blockFailures = isRefused ? before.blockFailures + 1 : before.blockFailures
  if (fetched.kind === 'failed') return { fetched, reload: { ...before, blockFailures } }
  const { playlist } = fetched
  const previous = playlist.control === undefined ? null : playlist
  const reload = {
    previous,
    previousMs: clock.nowMs(),
    blockFailures: isRefused ? blockFailures : 0,
    isBlocking: false,
  }
  return { fetched, reload: { ...reload, isBlocking: awaitedSequence(reload) !== null } }
}

/** Chooses the directives of the next fetch; `null` for a plain fetch. */
function chooseDirectives(state: ReloadState, nowMs: number): PlaylistReload | null {
  const { previous, previousMs, blockFailures } = state
  if (previous === null || blockFailures >= MAX_BLOCK_FAILURES) return null
  const awaited = awaitedSequence(state)
  // A delta update must follow within half of the time that the server keeps whole (§6.2.5.1).
  const skipUntilSec = previous.control?.skipUntilSec ?? 0
  const isDelta = nowMs - previousMs < skipUntilSec * 500
  if (awaited === null && !isDelta) return null
  return {
    awaited: awaited === null ? null : { sequence: awaited, withinMs: stallAfterMs(previous.targetDurationSec) },
    previous: isDelta ? previous : null,
  }
}

function awaitedSequence({ previous, blockFailures }: Omit<ReloadState, 'isBlocking'>): number | null {
  if (previous === null || previous.isEnded || blockFailures >= MAX_BLOCK_FAILURES) return null
  const newest = previous.segments.at(-1)?.sequence ?? null
  return previous.control?.canBlock === true && newest !== null ? newest + 1 : null
}
