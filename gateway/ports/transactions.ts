import type { Tx } from './database.ts'

/**
 * Runs `work` in a transaction, again from its start, a few times, where Postgres aborts it for another transaction.
 * Transactions that lock rows of several tables lock them in one order: assignments, the system's rows, outbox lanes.
 */
export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
