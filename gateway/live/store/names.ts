import { sql, type SQL } from 'drizzle-orm'

import { users } from '../schema.ts'

/** Returns the condition that the unique indexes of users serve. The collation keeps it the same in every locale. */
export function equalsInAnyCase(column: typeof users.username | typeof users.email, value: string): SQL {
  return sql`lower(${column} collate "C") = lower(${value}::text collate "C")`
}

/** What ids and names consist of. Postgres refuses a text with a null character. */
const ID_OR_NAME = /^[\w-]{1,50}$/

/** Returns the condition that a user has this id, or this username in any case. */
export function isNamed(idOrName: string): SQL {
  if (!ID_OR_NAME.test(idOrName)) return sql`false`
  return sql`(${users.userId}::text = ${idOrName} or ${equalsInAnyCase(users.username, idOrName)})`
}
