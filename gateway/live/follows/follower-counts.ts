import type { Db } from '../../ports/database.ts'
import { countFollowers } from '../store/follows.ts'

/** Returns how many users follow a user. */
export type CountFollowers = (userId: string) => Promise<number>

/** Counts from this one on are kept: to count 100,000 followers takes 15 ms, and their pages are opened together. */
const KEPT_FROM = 1000
/** How long a count is kept, in ms. */
const KEEP_MS = 5000

/** Creates the counts of followers of one gateway. */
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
