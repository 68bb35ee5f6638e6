import type { Query, SQL } from 'drizzle-orm'
import type { PreparedQueryConfig, SelectedFieldsOrdered } from 'drizzle-orm/pg-core'

import type { DbOrTx } from '../ports/database.ts'

/** The part of a drizzle-orm query builder that a prepared query needs. */
type PreparableQuery<Result> = {
  prepare(name: string): { getQuery(): Query; execute(values?: Record<string, unknown>): Promise<Result> }
}

/** Runs a query with values for its placeholders, on the pool or in a transaction. */
export type PreparedQuery<Result> = (db: DbOrTx, values: Readonly<Record<string, unknown>>) => Promise<Result>

/**
 * Returns a query that is built once, at its first use: building a frequent one costs more than sending it. Postgres
 * plans it once per connection.
 */
export function prepareQuery<Result>(
  name: string,
  build: (db: DbOrTx) => PreparableQuery<Result>,
): PreparedQuery<Result> {
  let built: { readonly query: Query; readonly mapping: RowMapping } | null = null
  return (db, values) => {
    if (built === null) {
      const prepared = build(db).prepare(name)
      built = { query: prepared.getQuery(), mapping: rowMappingOf(prepared) }
    }
    const { query, mapping } = built
    const session: DbOrTx['_']['session'] = db._.session
    const bound = session.prepareQuery<PreparedQueryConfig & { execute: Result }>(query, mapping.fields, name, true)
    return Object.assign(bound, { joinsNotNullableMap: mapping.joinsNotNullableMap }).execute({ ...values })
  }
}

/** Returns a statement in SQL that is built once, as `prepareQuery` does; its rows come as the driver returns them. */
export function prepareStatement<Row extends object>(name: string, statement: SQL): PreparedQuery<Row[]> {
  let built: Query | null = null
  return (db, values) => {
    built ??= db.execute(statement).getQuery()
    const session: DbOrTx['_']['session'] = db._.session
    const bound = session.prepareQuery<PreparedQueryConfig & { execute: Row[] }>(built, undefined, name, false)
    return bound.execute({ ...values })
  }
}

/**
 * Returns a function that makes the value of a key once and keeps it: for queries that differ by a few keys, such as
 * the columns that they change. Nothing is ever dropped, so there must be few keys.
 */
export function keepByKey<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const kept = new Map<Key, Value>()
  return (key) => {
    const value = kept.get(key) ?? make(key)
    kept.set(key, value)
    return value
  }
}

/** How drizzle-orm turns rows into results. */
type RowMapping = {
  readonly fields?: SelectedFieldsOrdered
  readonly joinsNotNullableMap?: Record<string, boolean>
}

/** Returns the row mapping of a prepared query; drizzle-orm does not declare these fields of it. */
function rowMappingOf(prepared: object): RowMapping {
  return prepared
}
