import type { Db } from '../../ports/database.ts'
import { countFollowers } from '../store/follows.ts'

/** Returns how many users follow a user. */
export type CountFollowers = (userId: string) => Promise<number>

/** Counts from this one on are kept: to count 100,000 followers takes 15 ms, and their pages are opened together. */
const KEPT_FROM = 1000
/** How long a count is kept, in ms: pages read it every two seconds. */
const KEEP_MS = 1000

/** Creates the counts of followers of one gateway; small ones are as of now. */
export function createFollowerCounts(db: Db): CountFollowers {
  const kept = new Map<string, number>()
  return async (userId) => {
    const known = kept.get(userId)
    if (known !== undefined) return known
    const count = await countFollowers(db, userId)
    if (count >= KEPT_FROM) {
      kept.set(userId, count)
      setTimeout(() => kept.delete(userId), KEEP_MS)
    }
    return count
  }
}

/** Creates the counts for the events of broadcasts: one read a second for all viewers of a channel. */
export function createSharedFollowerCounts(count: CountFollowers): CountFollowers {
  const shared = new Map<string, Promise<number>>()
  return (userId) => {
    const known = shared.get(userId)
    if (known !== undefined) return known
    const read = count(userId)
    shared.set(userId, read)
    setTimeout(() => shared.delete(userId), KEEP_MS)
    return read
  }
}
