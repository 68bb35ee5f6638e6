import { and, asc, eq, sql } from 'drizzle-orm'

import type { TargetReport } from '../../../shared/contract/live-targets.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import { streamTargets } from '../schema.ts'

export type StreamTarget = typeof streamTargets.$inferSelect
export type NewTarget = typeof streamTargets.$inferInsert

/** Returns the targets of a broadcast, the oldest first. */
export function listTargets(db: DbOrTx, streamId: string): Promise<StreamTarget[]> {
  return db
    .select()
    .from(streamTargets)
    .where(eq(streamTargets.streamId, streamId))
    .orderBy(asc(streamTargets.targetId))
}

/** Inserts a target. */
export async function insertTarget(tx: Tx, target: NewTarget): Promise<StreamTarget> {
  const [row] = await tx.insert(streamTargets).values(target).returning()
  if (row === undefined) throw new Error('the target was not inserted')
  return row
}

/** Deletes a target of a broadcast; returns false where there is none. */
export async function deleteTargetRow(tx: Tx, streamId: string, targetId: string): Promise<boolean> {
  const rows = await tx
    .delete(streamTargets)
    .where(and(eq(streamTargets.streamId, streamId), eq(streamTargets.targetId, targetId)))
    .returning({ id: streamTargets.targetId })
  return rows.length > 0
}

/** Stores what a live worker reported of the targets of its broadcast. */
export async function recordTargets(tx: Tx, streamId: string, reports: readonly TargetReport[]): Promise<void> {
  if (reports.length === 0) return
  await tx.execute(sql`
    update ${streamTargets} set
      state_since = case when ${streamTargets.state} = given.state then ${streamTargets.stateSince} else now() end,
      state = given.state, problem = given.problem, reason = given.reason,
      bytes_sent = given.bytes_sent, bit_rate_kbps = given.bit_rate_kbps
    from json_to_recordset(${JSON.stringify(reports)}::json) as given(
      target_id uuid, state text, problem text, reason text, bytes_sent bigint, bit_rate_kbps double precision)
    where ${streamTargets.streamId} = ${streamId} and ${streamTargets.targetId} = given.target_id`)
}

/** Deletes the keys of the targets of a broadcast: nothing is pushed any more. */
export async function forgetTargetKeys(tx: Tx, streamId: string): Promise<void> {
  await tx.update(streamTargets).set({ sealedKey: null }).where(eq(streamTargets.streamId, streamId))
}
