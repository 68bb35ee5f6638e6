import { sql, type SQL } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'

/** Returns the condition that a column has one of many ids, which are one parameter: Postgres takes 65,535 at most. */
export function isAmong(column: AnyPgColumn, ids: readonly string[]): SQL {
  return sql`${column} in (select given.id::uuid from json_array_elements_text(${JSON.stringify(ids)}::json) as given(id))`
}
