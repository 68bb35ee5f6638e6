import { and, desc, eq, isNotNull, isNull, lt, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../../ports/database.ts'
import type { User } from '../../accounts/store/users.ts'
import type { Role } from '../../roles.ts'
import { users } from '../../schema.ts'

/** What a list of users is limited to. */
export type UserFilter = {
  /** Begin of the username in any case, or the id; empty: all. */
  readonly q: string
  readonly role: Role | undefined
  readonly isSuspended: boolean | undefined
  /** Only users older than this one. */
  readonly before: string | null
  readonly limit: number
}

/** Returns users, the newest first. */
export function readUserPage(db: DbOrTx, { q, role, isSuspended, before, limit }: UserFilter): Promise<User[]> {
  const conditions: (SQL | undefined)[] = [
    q === '' ? undefined : isFound(q),
    role === undefined ? undefined : eq(users.role, role),
    isSuspended === undefined ? undefined : isSuspended ? isNotNull(users.suspendedAt) : isNull(users.suspendedAt),
    before === null ? undefined : lt(users.userId, before),
  ]
  return db
    .select()
    .from(users)
    .where(and(...conditions))
    .orderBy(desc(users.userId))
    .limit(limit)
}

function isFound(q: string): SQL {
  return sql`(${users.userId}::text = ${q} or starts_with(lower(${users.username} collate "C"), lower(${q}::text collate "C")))`
}
