import { sql, type SQL } from 'drizzle-orm'

import type { Db } from '../ports/database.ts'
import { prepareQuery } from './prepared-query.ts'

/** In how many ms work is due, by the database's clock: 0 or less where it is due now, `null` where none waits. */
export type DueInMs = SQL<number | null>

/** Reads when work is due; see `createDueTimes`. */
export type ReadDueTime = () => Promise<number | null>

/** Returns the expression for work that becomes due at a time, which is an expression too. */
export function dueAt(time: SQL): DueInMs {
  return sql<number | null>`(extract(epoch from ${time} - now()) * 1000)::float8`
}

/** Returns the expression for work that is due while a condition holds. */
export function dueWhile(condition: SQL): DueInMs {
  return sql<number | null>`(case when ${condition} then 0 end)::float8`
}

/** The due times of all periodic work of one gateway. */
export type DueTimes = {
  /** Adds an expression; returns the function that reads it. To be called before the first read. */
  add(expression: DueInMs): ReadDueTime
}

type DueRow = Readonly<Record<string, number | null>>

/**
 * Creates due times that are read by one statement: reads that begin in the same turn of the event loop share it. An
 * idle gateway so costs one statement every few seconds instead of one or two per task.
 */
export function createDueTimes(db: Db): DueTimes {
  const expressions: Record<string, DueInMs> = {}
  const query = prepareQuery<DueRow[]>('due_times', (any) => any.select(expressions).from(sql`(select 1) as one`))
  let reading: Promise<DueRow | undefined> | null = null

  async function readAll(): Promise<DueRow | undefined> {
    await new Promise((resolve) => setImmediate(resolve))
    // Work that was committed from here on may be missing: the next read begins another statement.
    reading = null
    const [row] = await query(db, {})
    return row
  }

  return {
    add(expression) {
      const name = `due_${Object.keys(expressions).length}`
      expressions[name] = expression
      return async () => {
        reading ??= readAll()
        return (await reading)?.[name] ?? null
      }
    },
  }
}
