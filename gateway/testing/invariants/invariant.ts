import type { Sql } from 'postgres'

/** A rule that holds after any fault, as a query for the rows that violate it. */
export type Invariant = { readonly rule: string; readonly findViolations: (sql: Sql) => Promise<readonly object[]> }
