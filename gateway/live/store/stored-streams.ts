import { and, eq, exists, inArray, isNotNull, isNull, lt, not, or, sql } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { archives, clips, streams } from '../schema.ts'

/** Marks a broadcast as one whose files are gone. */
export async function markDiscarded(tx: Tx, streamId: string): Promise<void> {
  await tx
    .update(streams)
    .set({ discardedAt: sql`now()`, storedBytes: 0, poster: null, updatedAt: sql`now()` })
    .where(eq(streams.streamId, streamId))
}

/** Returns the broadcasts of a user that may have stored files. */
export async function listStoredStreams(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tx
    .select({ id: streams.streamId })
    .from(streams)
    .where(and(eq(streams.userId, userId), isNotNull(streams.startedAt)))
  return rows.map(({ id }) => id)
}

/**
 * Returns broadcasts that were closed `afterSec` seconds ago, have no recording, and whose files are still stored; not those
 * with clips that are being made.
 */
export async function listUnrecorded(db: DbOrTx, afterSec: number, limit: number): Promise<string[]> {
  const recording = db.select({ id: archives.archiveId }).from(archives).where(eq(archives.streamId, streams.streamId))
  const unfinished = db
    .select({ id: clips.clipId })
    .from(clips)
    .where(and(eq(clips.streamId, streams.streamId), sql`${clips.status} = 'processing'`))
  const rows = await db
    .select({ id: streams.streamId })
    .from(streams)
    .where(
      and(
        lt(streams.closedAt, sql`now() - make_interval(secs => ${afterSec})`),
        isNull(streams.discardedAt),
        isNotNull(streams.startedAt),
        not(exists(recording)),
        not(exists(unfinished)),
      ),
    )
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** Returns broadcasts on the air that keep no recording. */
export async function listUnrecordedOnAir(db: DbOrTx): Promise<string[]> {
  const rows = await db
    .select({ id: streams.streamId })
    .from(streams)
    .where(and(inArray(streams.state, ['live', 'reconnecting']), eq(streams.isRecorded, false)))
  return rows.map(({ id }) => id)
}

/** Returns the bytes that the broadcasts, recordings and clips of a user's channel have in the store. */
export async function sumStoredBytes(db: DbOrTx, userId: string): Promise<number> {
  const segments = sql`select coalesce(sum(${streams.storedBytes}), 0) from ${streams} where ${streams.userId} = ${userId}`
  const files = sql`select coalesce(sum(${archives.fileSize}), 0) from ${archives} join ${streams} using (stream_id)
    where ${archives.userId} = ${userId} and ${streams.discardedAt} is null`
  const cut = sql`select coalesce(sum(${clips.fileSize}), 0) from ${clips} join ${streams} using (stream_id) where ${streams.userId} = ${userId}`
  const [row] = await db.execute<{ bytes: string }>(sql`select ((${segments}) + (${files}) + (${cut}))::text as bytes`)
  return Number(row?.bytes ?? 0)
}

/** Returns recordings that were made more than `afterSec` seconds ago, and whose files are still stored. */
export function listOldArchives(
  db: DbOrTx,
  afterSec: number,
  limit: number,
): Promise<Pick<typeof archives.$inferSelect, 'archiveId' | 'streamId' | 'status'>[]> {
  return db
    .select({ archiveId: archives.archiveId, streamId: archives.streamId, status: archives.status })
    .from(archives)
    .innerJoin(streams, and(eq(streams.streamId, archives.streamId), isNull(streams.discardedAt)))
    .where(lt(archives.createdAt, sql`now() - make_interval(secs => ${afterSec})`))
    .limit(limit)
}

/** Marks recordings that were made more than `afterSec` seconds ago as moved to a colder class; returns their broadcasts. */
export async function markCooled(tx: Tx, afterSec: number, limit: number): Promise<string[]> {
  const due = tx
    .select({ id: archives.archiveId })
    .from(archives)
    .innerJoin(streams, and(eq(streams.streamId, archives.streamId), isNull(streams.discardedAt)))
    .where(
      and(
        isNull(archives.cooledAt),
        or(eq(archives.status, 'ready'), eq(archives.status, 'failed')),
        lt(archives.createdAt, sql`now() - make_interval(secs => ${afterSec})`),
      ),
    )
    .limit(limit)
    .for('update', { of: archives, skipLocked: true })
  const rows = await tx
    .update(archives)
    .set({ cooledAt: sql`now()` })
    // As an array: a plan that evaluates the subquery several times would take more rows than the limit.
    .where(sql`${archives.archiveId} = any(array(${due}))`)
    .returning({ streamId: archives.streamId })
  return rows.map(({ streamId }) => streamId)
}
