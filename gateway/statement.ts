import type { Query } from 'drizzle-orm'
import type { PreparedQueryConfig, SelectedFieldsOrdered } from 'drizzle-orm/pg-core'

import type { DbOrTx } from './context.ts'

type Prepared<Result> = { getQuery(): Query; execute(values?: Record<string, unknown>): Promise<Result> }

/** A statement by the values of its placeholders, on the pool or in a transaction. */
export type Statement<Result> = (db: DbOrTx, values: Readonly<Record<string, unknown>>) => Promise<Result>

/**
 * A statement that Drizzle puts together at its first use alone: for a hot one that costs more than to send it. Named, so
 * that Postgres plans it once a connection.
 */
export function statement<Result>(
  name: string,
  build: (db: DbOrTx) => { prepare(name: string): Prepared<Result> },
): Statement<Result> {
  let built: { readonly query: Query; readonly reading: Reading } | null = null
  return (db, values) => {
    if (built === null) {
      const prepared = build(db).prepare(name)
      built = { query: prepared.getQuery(), reading: readingOf(prepared) }
    }
    const { query, reading } = built
    const session: DbOrTx['_']['session'] = db._.session
    const again = session.prepareQuery<PreparedQueryConfig & { execute: Result }>(query, reading.fields, name, true)
    return Object.assign(again, { joinsNotNullableMap: reading.joinsNotNullableMap }).execute({ ...values })
  }
}

/** A statement for each key, of which there are few: what it changes, or how many rows. */
export function statements<Key, Result>(make: (key: Key) => Statement<Result>): (key: Key) => Statement<Result> {
  const made = new Map<Key, Statement<Result>>()
  return (key) => {
    const known = made.get(key) ?? make(key)
    made.set(key, known)
    return known
  }
}

/** How rows are read. */
type Reading = {
  readonly fields?: SelectedFieldsOrdered
  readonly joinsNotNullableMap?: Record<string, boolean>
}

/** Every prepared query of drizzle-orm has that for its own. */
function readingOf(prepared: object): Reading {
  return prepared
}
