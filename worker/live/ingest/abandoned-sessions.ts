import { MAX_ABANDONED } from '../../../shared/contract/live.ts'

/** The sessions of encoders that were refused because the gateway did not answer in time: it may admit them all the same. */
export type AbandonedSessions = {
  add(session: string): void
  /** Returns the sessions that a report names. */
  list(): readonly string[]
  /** Notes that a report which was composed at `atMs` was accepted. */
  acknowledge(atMs: number): void
}

/** How long a session is named, in ms: no gateway admits it later than this after its request. */
const NAMED_MS = 15_000

/** Creates an empty list, which keeps the newest `MAX_ABANDONED` sessions while no report is accepted. */
export function createAbandonedSessions(nowMs: () => number, onChange: () => void): AbandonedSessions {
  const abandonedAtMs = new Map<string, number>()
  return {
    add(session) {
      abandonedAtMs.set(session, nowMs())
      const [oldest] = abandonedAtMs.keys()
      if (abandonedAtMs.size > MAX_ABANDONED && oldest !== undefined) abandonedAtMs.delete(oldest)
      onChange()
    },
    list: () => [...abandonedAtMs.keys()],
    acknowledge(atMs) {
      for (const [session, sinceMs] of abandonedAtMs) if (atMs - sinceMs >= NAMED_MS) abandonedAtMs.delete(session)
    },
  }
}
