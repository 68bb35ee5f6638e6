import { and, eq, gt, sql } from 'drizzle-orm'

import { lockUntilCommit } from '../../database/advisory-lock.ts'
import type { Tx } from '../../ports/database.ts'
import { streams } from '../schema.ts'

/** Locks the admission of encoders until the transaction ends, so that their count cannot exceed the limit. */
export async function lockAdmission(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, 'live.admission')
}

/** Limits each later statement of a transaction, with its waits for locks, to `ms`. */
export async function limitStatements(tx: Tx, ms: number): Promise<void> {
  await tx.execute(sql`select set_config('statement_timeout', ${String(ms)}, true)`)
}

/** Returns whether an ingest worker has reported the encoder of a broadcast within the last `withinMs`. */
export async function isPublisherSeen(tx: Tx, streamId: string, withinMs: number): Promise<boolean> {
  const isRecent = gt(streams.publisherSeenAt, sql`now() - make_interval(secs => ${withinMs / 1000})`)
  const rows = await tx
    .select({ streamId: streams.streamId })
    .from(streams)
    .where(and(eq(streams.streamId, streamId), isRecent))
  return rows.length > 0
}
