import { sql, type SQL } from 'drizzle-orm'

import { users } from '../schema.ts'

/** Returns the condition that the unique indexes of users serve. The collation keeps it the same in every locale. */
export function equalsInAnyCase(column: typeof users.username | typeof users.email, value: string): SQL {
  return sql`lower(${column} collate "C") = lower(${value}::text collate "C")`
}

/** Returns the condition that a user has this id, or this username in any case. */
export function isNamed(idOrName: string): SQL {
  return sql`(${users.userId}::text = ${idOrName} or ${equalsInAnyCase(users.username, idOrName)})`
}
