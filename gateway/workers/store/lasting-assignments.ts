import { sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import type { AttemptRule } from '../attempts.ts'
import { assignments } from '../schema.ts'
import { countCallQuery, type Assignment } from './assignments.ts'

/**
 * Inserts an assignment whose worker is due to be launched now, unless it exists. One that was given up, for more than half a
 * minute, is opened again.
 */
export async function ensureAssignment(tx: DbOrTx, kind: string, id: string): Promise<void> {
  await tx
    .insert(assignments)
    .values({ id, kind, launchAt: sql`now()` })
    .onConflictDoUpdate({
      target: assignments.id,
      set: { endedAt: null, launchAt: sql`now()`, attempts: 0 },
      setWhere: sql`${assignments.endedAt} < now() - interval '30 seconds'`,
    })
}

/** A call of a worker: its assignment, its number, and what the next worker resumes from. */
export type WorkerCall = Pick<Assignment, 'id' | 'epoch' | 'seq'> & { readonly resume: unknown }

/** Counts a call; returns false where it does not count, see `countCallQuery`. */
export async function countCall(tx: DbOrTx, call: WorkerCall, rule: AttemptRule): Promise<boolean> {
  const query = countCallQuery(tx, rule).prepare(`count_call_${String(rule.stableAfterSec)}`)
  return (await query.execute({ ...call, resume: JSON.stringify(call.resume) })).length > 0
}
