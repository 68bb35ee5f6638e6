import type { LiveContext } from '../context.ts'
import { renewViewers, type ViewerRef } from '../store/viewers.ts'

/** The viewers that one gateway sees. */
export type ViewerLeases = {
  /** Records that a viewer has a page of a broadcast open now. */
  see(viewer: ViewerRef): void
  /** Records that a player reads a playlist. It is a viewer once it has read again: what probes an address is none. */
  seePlayer(viewer: ViewerRef): void
  /** Forgets a viewer whose lease is removed: it is recorded at once when it comes back. */
  forget(viewer: ViewerRef): void
  /** Writes what was recorded since the last call, in one statement. */
  flush(): Promise<void>
}

/** Viewers that are remembered; further ones are left to their next request. */
const MAX_RECORDED = 100_000
/** A lease of 30 s is renewed this often, in ms: a viewer is seen far more often. */
const RENEW_AFTER_MS = 10_000
/** A player that reads a playlist again after this long plays it, in ms: a probe reads each one once. */
const PLAYING_AFTER_MS = 1500
/** A player that reads nothing for this long begins again, in ms. */
const GONE_AFTER_MS = 30_000

/** Creates the record of the viewers that one gateway sees. */
export function createViewerLeases({ db, keepsConnections, streams }: LiveContext): ViewerLeases {
  let seen = new Map<string, ViewerRef>()
  const renewedMs = new Map<string, number>()
  const players = new Map<string, { readonly firstMs: number; lastMs: number }>()

  function forgetOld(nowMs: number): void {
    for (const [key, atMs] of renewedMs) if (nowMs - atMs >= RENEW_AFTER_MS) renewedMs.delete(key)
    for (const [key, { lastMs }] of players) if (nowMs - lastMs >= GONE_AFTER_MS) players.delete(key)
  }

  /** Returns whether a player has read before. One invocation of a fetch runtime does not know of others. */
  function hasPlayed(key: string, nowMs: number): boolean {
    if (!keepsConnections) return true
    const player = players.get(key)
    if (player === undefined && players.size < MAX_RECORDED) players.set(key, { firstMs: nowMs, lastMs: nowMs })
    if (player === undefined) return false
    player.lastMs = nowMs
    return nowMs - player.firstMs >= PLAYING_AFTER_MS
  }

  function see(viewer: ViewerRef): void {
    const key = keyOf(viewer)
    if (!renewedMs.has(key) && seen.size < MAX_RECORDED) seen.set(key, viewer)
    // What one invocation of a fetch runtime has recorded, no other one can write.
    if (!keepsConnections && seen.size > 0) streams.hold(flush())
  }

  async function flush(): Promise<void> {
    const recorded = seen
    seen = new Map()
    const nowMs = Date.now()
    await renewViewers(db, [...recorded.values()])
    forgetOld(nowMs)
    for (const key of recorded.keys()) renewedMs.set(key, nowMs)
  }

  return {
    see,
    seePlayer(viewer) {
      if (hasPlayed(keyOf(viewer), Date.now())) see(viewer)
    },
    forget(viewer) {
      const key = keyOf(viewer)
      seen.delete(key)
      renewedMs.delete(key)
    },
    flush,
  }
}

function keyOf({ streamId, viewerId }: ViewerRef): string {
  return `${streamId}/${viewerId}`
}
