import { eq, or, sql, type SQL } from 'drizzle-orm'

import type { archives, streams } from '../schema.ts'
import { isFollowedBy } from './follows.ts'

/** Returns the condition that a viewer finds a broadcast or a recording in lists: `rules/access.ts` without unlisted ones. */
export function isListedFor(table: typeof streams | typeof archives, viewerId: string | null): SQL | undefined {
  const isPublic = eq(table.visibility, 'public')
  if (viewerId === null) return isPublic
  return or(
    isPublic,
    eq(table.userId, viewerId),
    sql`(${table.visibility} = 'followers' and ${isFollowedBy(viewerId, table.userId)})`,
  )
}
