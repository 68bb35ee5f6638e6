import type { Sql } from 'postgres'

/** The writes of a table that are refused: of the rows for which a condition on `old` or `new` holds. */
type RefusedWrites = {
  readonly operation: 'insert' | 'update' | 'delete'
  readonly table: string
  readonly condition: string
}

/** Lets Postgres refuse writes of a table until it is disposed. */
export async function refuseWrites(sql: Sql, { operation, table, condition }: RefusedWrites): Promise<AsyncDisposable> {
  await sql.unsafe(`
    create function refuse_write() returns trigger language plpgsql as
      $$ begin raise exception 'this write is refused by a test'; end $$;
    create trigger refuse_write before ${operation} on ${table} for each row when (${condition})
      execute function refuse_write()`)
  return {
    async [Symbol.asyncDispose]() {
      await sql.unsafe('drop function refuse_write() cascade')
    },
  }
}
