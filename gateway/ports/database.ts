import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'

/** The database, outside of any transaction. */
export type Db = PostgresJsDatabase
/** One transaction. */
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]
/** The functions of a store take either. */
export type DbOrTx = Db | Tx
