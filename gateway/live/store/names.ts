import { eq, sql, type SQL } from 'drizzle-orm'

import { UUID } from '../../../shared/ids.ts'
import { users } from '../schema.ts'

/** Returns the condition that the unique indexes of users serve. The collation keeps it the same in every locale. */
export function equalsInAnyCase(column: typeof users.username | typeof users.email, value: string): SQL {
  return sql`lower(${column} collate "C") = lower(${value}::text collate "C")`
}

/** What names consist of. Postgres refuses a text with a null character. */
const NAME = /^[\w-]{1,50}$/

/** Returns the condition that a user has this id, or this username in any case: what has the form of an id is one. */
export function isNamed(idOrName: string): SQL {
  if (UUID.test(idOrName)) return eq(users.userId, idOrName)
  return NAME.test(idOrName) ? equalsInAnyCase(users.username, idOrName) : sql`false`
}
