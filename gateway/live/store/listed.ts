import { eq, or, sql, type SQL } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'

import type { Visibility } from '../rules/visibility.ts'
import { isFollowedBy } from './follows.ts'

/** Who may watch what is listed, and the owner of that, as columns or expressions. */
type ListedColumns = { readonly visibility: AnyPgColumn | SQL<Visibility>; readonly userId: AnyPgColumn }

/** Returns the condition that a viewer finds a broadcast or a recording in lists: `rules/access.ts` without unlisted ones. */
export function isListedFor(table: ListedColumns, viewerId: string | null): SQL | undefined {
  const isPublic = sql`${table.visibility} = 'public'`
  if (viewerId === null) return isPublic
  return or(
    isPublic,
    eq(table.userId, viewerId),
    sql`(${table.visibility} = 'followers' and ${isFollowedBy(viewerId, table.userId)})`,
  )
}
