import type { LiveContext } from '../context.ts'
import type { SignedIn } from './session.ts'
import { listValidSessions } from './store/sessions.ts'

/** Watches the sessions of the users who are connected to one gateway. */
export type SessionWatch = {
  /** Calls `onEnd` within two seconds after a session has ended; returns a function that ends the watch. */
  watch(viewer: SignedIn, onEnd: () => void): () => void
}

/** Interval of looking whether sessions are still valid, in ms. */
const INTERVAL_MS = 1000

/** Creates the watch of one gateway. One statement reads all sessions; sessions that cannot be read stay as they are. */
export function createSessionWatch({ db, log }: Pick<LiveContext, 'db' | 'log'>): SessionWatch {
  const watched = new Map<string, Set<() => void>>()
  let isRunning = false

  async function endSignedOut(): Promise<void> {
    try {
      const ids = [...watched.keys()]
      const valid = new Set(await listValidSessions(db, ids))
      const ended = ids.filter((id) => !valid.has(id)).flatMap((id) => [...(watched.get(id) ?? [])])
      for (const onEnd of ended) onEnd()
    } catch (error) {
      log.debug('the sessions of connected users could not be read', { error })
    }
  }

  async function run(): Promise<void> {
    isRunning = true
    while (watched.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
      if (watched.size > 0) await endSignedOut()
    }
    isRunning = false
  }

  return {
    watch({ sessionId }, onEnd) {
      // Two connections may share a function.
      const own = () => onEnd()
      const ends = watched.get(sessionId) ?? new Set()
      watched.set(sessionId, ends.add(own))
      if (!isRunning) void run()
      return () => {
        ends.delete(own)
        if (ends.size === 0 && watched.get(sessionId) === ends) watched.delete(sessionId)
      }
    },
  }
}
