import type { Db } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import { listValidSessions } from '../accounts/store/sessions.ts'
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
  /** Returns whether the session of a viewer is still valid. */
  isSignedIn(viewer: SignedIn): Promise<boolean>
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

/** What is looked up together, by its keys. */
type Batch<Item> = { readonly items: Map<string, Item>; readonly found: Promise<ReadonlySet<string>> }

/** Creates the checks of one gateway. */
export function createAccessChecks(db: Db): AccessChecks {
  const follows = createCheck(keyOf, async (pairs: readonly FollowPair[]) =>
    (await listFollowPairs(db, pairs)).map(keyOf),
  )
  const isValid = createCheck(
    (sessionId: string) => sessionId,
    (sessionIds) => listValidSessions(db, sessionIds),
  )
  return {
    follows,
    mayStillWatch: (watched, viewer) => decideWatch(watched, viewer, follows),
    isSignedIn: ({ sessionId }) => isValid(sessionId),
  }
}

/** Creates a check of one kind; `find` returns the keys of those for which it holds. A positive answer is kept for a moment. */
function createCheck<Item>(
  toKey: (item: Item) => string,
  find: (items: readonly Item[]) => Promise<readonly string[]>,
): (item: Item) => Promise<boolean> {
  const kept = new Map<string, Promise<boolean>>()
  let waiting: Batch<Item> | null = null

  async function look(items: ReadonlyMap<string, Item>): Promise<ReadonlySet<string>> {
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
    waiting = null
    return new Set(await find([...items.values()]))
  }

  function begin(): Batch<Item> {
    const items = new Map<string, Item>()
    return { items, found: look(items) }
  }

  return (item) => {
    const key = toKey(item)
    const known = kept.get(key)
    if (known !== undefined) return known
    waiting ??= begin()
    waiting.items.set(key, item)
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
