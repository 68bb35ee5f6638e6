import type { LiveContext } from '../context.ts'
import { renewViewers, type ViewerRef } from '../store/viewers.ts'

/** The viewers that one gateway sees. */
export type ViewerLeases = {
  /** Records that a viewer plays a broadcast now. */
  see(viewer: ViewerRef): void
  /** Writes what was recorded since the last call, in one statement. */
  flush(): Promise<void>
}

/** Viewers that are remembered; further ones are left to their next request. */
const MAX_RECORDED = 100_000
/** A lease of 30 s is renewed this often, in ms: a viewer is seen far more often. */
const RENEW_AFTER_MS = 10_000

/** Creates the record of the viewers that one gateway sees. */
export function createViewerLeases({ db, keepsConnections, streams }: LiveContext): ViewerLeases {
  let seen = new Map<string, ViewerRef>()
  const renewedMs = new Map<string, number>()

  function forgetOld(nowMs: number): void {
    for (const [key, atMs] of renewedMs) if (nowMs - atMs >= RENEW_AFTER_MS) renewedMs.delete(key)
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
    see(viewer) {
      const key = `${viewer.streamId}/${viewer.viewerId}`
      if (!renewedMs.has(key) && seen.size < MAX_RECORDED) seen.set(key, viewer)
      // What one invocation of a fetch runtime has recorded, no other one can write.
      if (!keepsConnections && seen.size > 0) streams.hold(flush())
    },
    flush,
  }
}
