import { sql, type SQL } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'

/** Rows of a broadcast that are numbered by `seq`, and whose times grow with their numbers; and the time to look for. */
type SeqSearch = {
  readonly table: PgTable
  readonly streamId: string
  readonly time: PgColumn
  readonly since: SQL
}

/**
 * Returns the query `search` of a `with recursive`, whose result is `FOUND_SEQ`. It halves the numbers until one is left, so
 * that it reads some twenty rows by the primary key of a table of any size. Numbers may be missing.
 */
export function searchSeq({ table, streamId, time, since }: SeqSearch): SQL {
  const column = sql.identifier(time.name)
  return sql`search (low, high) as (
    select min(seq), max(seq) + 1 from ${table} where stream_id = ${streamId}
    union all
    select case when probe.is_earlier then probe.seq + 1 else low end, case when probe.is_earlier then high else middle end
    from search
    cross join lateral (select (low + high) / 2 as middle) half
    cross join lateral (
      select one.seq, one.${column} < ${since} as is_earlier from ${table} one
      where one.stream_id = ${streamId} and one.seq >= middle order by one.seq limit 1) probe
    where low < high)`
}

/** The first number from `since` on; `null` without rows, and one more than the last number where none is that late. */
export const FOUND_SEQ: SQL = sql`(select low from search where low >= high)`
