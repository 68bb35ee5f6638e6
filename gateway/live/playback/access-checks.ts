import type { Db } from '../../ports/database.ts'
import { accessOf, type Viewer, type Watched } from '../rules/access.ts'
import { listFollowPairs, type FollowPair } from '../store/follows.ts'

/**
 * Checks again and again whether those who are connected may still watch. Checks that begin together share one statement; a
 * positive answer is kept for a moment.
 */
export type AccessChecks = {
  /** Returns whether a viewer may watch. */
  mayStillWatch(watched: Watched, viewer: Viewer): Promise<boolean>
  /** Returns whether one user follows another one. */
  follows(pair: FollowPair): Promise<boolean>
}

/** Returns whether a viewer may watch; `follows` is read where that decides. */
export async function decideWatch(
  watched: Watched,
  viewer: Viewer,
  follows: (pair: FollowPair) => Promise<boolean>,
): Promise<boolean> {
  const access = accessOf(watched, viewer)
  if (access !== 'followers' || viewer === null) return access === 'granted'
  return follows({ followerId: viewer.user.userId, followingId: watched.userId })
}

/** How long a check waits for others, in ms. */
const COLLECT_MS = 5
/** How long an answer is valid, in ms. */
const KEEP_MS = 500

/** Pairs that are read together, by their keys. */
type Batch = { readonly pairs: Map<string, FollowPair>; readonly found: Promise<ReadonlySet<string>> }

/** Creates the checks of one gateway. */
export function createAccessChecks(db: Db): AccessChecks {
  const follows = createFollowCheck(db)
  return { follows, mayStillWatch: (watched, viewer) => decideWatch(watched, viewer, follows) }
}

function createFollowCheck(db: Db): AccessChecks['follows'] {
  const kept = new Map<string, Promise<boolean>>()
  let waiting: Batch | null = null

  async function read(pairs: ReadonlyMap<string, FollowPair>): Promise<ReadonlySet<string>> {
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
    waiting = null
    return new Set((await listFollowPairs(db, [...pairs.values()])).map(keyOf))
  }

  function begin(): Batch {
    const pairs = new Map<string, FollowPair>()
    return { pairs, found: read(pairs) }
  }

  return (pair) => {
    const key = keyOf(pair)
    const known = kept.get(key)
    if (known !== undefined) return known
    waiting ??= begin()
    waiting.pairs.set(key, pair)
    const answer = waiting.found.then((found) => found.has(key))
    kept.set(key, answer)
    const forget = () => kept.delete(key)
    // Who does not follow may do so the next moment.
    void answer.then((holds) => (holds ? setTimeout(forget, KEEP_MS) : forget()), forget)
    return answer
  }
}

function keyOf({ followerId, followingId }: FollowPair): string {
  return `${followerId} ${followingId}`
}
