import { and, asc, count, desc, eq, gte, lt, lte, max, sql, sum } from 'drizzle-orm'

import type { StoredSegment } from '../../../shared/contract/live.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { TimedSegment } from '../rules/clip-range.ts'
import { windowSecOf } from '../rules/window.ts'
import { encoderRuns, segments, streams } from '../schema.ts'
import { FOUND_SEQ, searchSeq } from './search-seq.ts'
import type { Stream } from './streams.ts'

export type SegmentRow = typeof segments.$inferSelect
export type EncoderRunRow = typeof encoderRuns.$inferSelect

/** Returns the runs of an epoch, in order. */
export function listEpochRuns(tx: Tx, streamId: string, epoch: number): Promise<EncoderRunRow[]> {
  return tx
    .select()
    .from(encoderRuns)
    .where(and(eq(encoderRuns.streamId, streamId), eq(encoderRuns.epoch, epoch)))
    .orderBy(asc(encoderRuns.run))
}

/** Returns the newest run of a broadcast; `null` before the first one. */
export async function findNewestRun(tx: Tx, streamId: string): Promise<EncoderRunRow | null> {
  const [newest] = await tx
    .select()
    .from(encoderRuns)
    .where(eq(encoderRuns.streamId, streamId))
    .orderBy(desc(encoderRuns.epoch), desc(encoderRuns.run))
    .limit(1)
  return newest ?? null
}

/** Inserts runs of an encoder. */
export async function insertRuns(tx: Tx, runs: readonly EncoderRunRow[]): Promise<void> {
  if (runs.length > 0) await tx.insert(encoderRuns).values([...runs])
}

/** Inserts segments of an epoch, with media sequence numbers from `firstSeq` on. */
export async function insertSegments(
  tx: Tx,
  { streamId, epoch, firstSeq }: { readonly streamId: string; readonly epoch: number; readonly firstSeq: number },
  stored: readonly StoredSegment[],
): Promise<void> {
  if (stored.length === 0) return
  await tx.insert(segments).values(
    stored.map((segment, i) => ({
      streamId,
      seq: firstSeq + i,
      epoch,
      run: segment.run,
      n: segment.n,
      durationSec: segment.duration_sec,
      programDateTime: new Date(segment.program_date_time),
      frames: segment.frames,
      bytes: segment.bytes,
      isMissing: segment.is_missing ?? false,
    })),
  )
}

/** Returns the segments of a broadcast from a media sequence number on, in order. */
export function listSegments(db: DbOrTx, streamId: string, fromSeq: number): Promise<SegmentRow[]> {
  return db
    .select()
    .from(segments)
    .where(and(eq(segments.streamId, streamId), gte(segments.seq, fromSeq)))
    .orderBy(asc(segments.seq))
}

/** Returns the segments of a broadcast from one media sequence number to another one, in order. */
export function listSegmentsBetween(
  db: DbOrTx,
  streamId: string,
  { firstSeq, lastSeq }: { readonly firstSeq: number; readonly lastSeq: number },
): Promise<SegmentRow[]> {
  return db
    .select()
    .from(segments)
    .where(and(eq(segments.streamId, streamId), gte(segments.seq, firstSeq), lte(segments.seq, lastSeq)))
    .orderBy(asc(segments.seq))
}

/** Returns the durations of the segments of a broadcast from a media sequence number on, in order. */
export function listDurations(db: DbOrTx, streamId: string, fromSeq: number): Promise<TimedSegment[]> {
  return db
    .select({ seq: segments.seq, durationSec: segments.durationSec })
    .from(segments)
    .where(and(eq(segments.streamId, streamId), gte(segments.seq, fromSeq)))
    .orderBy(asc(segments.seq))
}

/** Segments over which times may go back: the clocks of two ingest workers differ by less than these last. */
const SKEWED_SEGMENTS = 64

/** Returns the media sequence number of the oldest segment that lies within `windowSec` of the newest one. */
export async function findWindowStart(db: DbOrTx, streamId: string, windowSec: number): Promise<number> {
  const since = sql`(select since from moment)`
  const search = searchSeq({ table: segments, streamId, time: segments.programDateTime, since })
  const [row] = await db.execute<{ seq: number | null }>(sql`
    with recursive moment as (
      select max(program_date_time) - make_interval(secs => ${windowSec}) as since from (
        select program_date_time from ${segments} where stream_id = ${streamId}
        order by seq desc limit ${SKEWED_SEGMENTS}) newest
    ), ${search}
    select min(seq) as seq from ${segments} where stream_id = ${streamId}
      and seq > ${FOUND_SEQ} - ${SKEWED_SEGMENTS} and seq <= ${FOUND_SEQ} and program_date_time >= ${since}`)
  return row?.seq ?? 0
}

/**
 * Returns the media sequence number with which the window of a broadcast begins. It never decreases (RFC 8216 §6.2.2): a window
 * that is made longer grows forwards.
 */
export async function findFirstShown(
  db: DbOrTx,
  { streamId, dvrSec, windowFromSeq }: Pick<Stream, 'streamId' | 'dvrSec' | 'windowFromSeq'>,
): Promise<number> {
  return Math.max(windowFromSeq, await findWindowStart(db, streamId, windowSecOf({ dvrSec })))
}

/** Returns all runs of a broadcast, in order. */
export function listRuns(db: DbOrTx, streamId: string): Promise<EncoderRunRow[]> {
  return db
    .select()
    .from(encoderRuns)
    .where(eq(encoderRuns.streamId, streamId))
    .orderBy(asc(encoderRuns.epoch), asc(encoderRuns.run))
}

/** The newest segment of an epoch that its worker has reported, and that segment's run. */
export type EpochEnd = { readonly epoch: number; readonly lastN: number; readonly lastRun: number }

/** Returns the ends of the epochs of a broadcast that have segments. */
export function listEpochEnds(db: DbOrTx, streamId: string): Promise<EpochEnd[]> {
  return db
    .select({
      epoch: segments.epoch,
      lastN: max(segments.n).mapWith(Number),
      lastRun: max(segments.run).mapWith(Number),
    })
    .from(segments)
    .where(eq(segments.streamId, streamId))
    .groupBy(segments.epoch)
}

/** What the segments of a broadcast add up to. */
export type SegmentTotals = {
  readonly segments: number
  readonly durationSec: number
  readonly frames: number
  /** Bytes of the highest rung. */
  readonly bytes: number
}

/** Returns what the segments of a broadcast add up to. */
export async function sumSegments(db: DbOrTx, streamId: string): Promise<SegmentTotals> {
  const [row] = await db
    .select({
      segments: count(),
      durationSec: sum(segments.durationSec).mapWith(Number),
      frames: sum(segments.frames).mapWith(Number),
      bytes: sql<number>`coalesce(sum(${segments.bytes}[1]), 0)`.mapWith(Number),
    })
    .from(segments)
    .where(eq(segments.streamId, streamId))
  return row === undefined || row.segments === 0 ? { segments: 0, durationSec: 0, frames: 0, bytes: 0 } : row
}

/** Marks segments whose files are missing; playlists leave them out. */
export async function markMissing(
  tx: Tx,
  streamId: string,
  missing: readonly { readonly epoch: number; readonly n: number }[],
): Promise<void> {
  if (missing.length === 0) return
  await tx.execute(sql`
    update ${segments} set is_missing = true
    from json_to_recordset(${JSON.stringify(missing)}::json) as found(epoch int, n int)
    where ${segments.streamId} = ${streamId} and ${segments.epoch} = found.epoch and ${segments.n} = found.n`)
  // Gateways that play it read its segments again.
  await tx
    .update(streams)
    .set({ updatedAt: sql`now()` })
    .where(eq(streams.streamId, streamId))
}

/** Deletes all segments and runs of a broadcast. */
export async function deleteSegments(tx: Tx, streamId: string): Promise<void> {
  await tx.delete(segments).where(eq(segments.streamId, streamId))
  await tx.delete(encoderRuns).where(eq(encoderRuns.streamId, streamId))
}

/** Segments that are deleted: at most `limit`, older than `windowSec` before the newest one, and before `keepFromSeq`. */
type OldSegments = {
  readonly streamId: string
  readonly windowSec: number
  readonly keepFromSeq: number | null
  readonly limit: number
}

/** Deletes old segments; returns them. */
export async function deleteOldSegments(
  tx: Tx,
  { streamId, windowSec, keepFromSeq, limit }: OldSegments,
): Promise<SegmentRow[]> {
  const end = Math.min(await findWindowStart(tx, streamId, windowSec), keepFromSeq ?? Infinity)
  const oldest = sql`(select min(oldest.seq) from ${segments} oldest where oldest.stream_id = ${streamId})`
  return tx
    .delete(segments)
    .where(
      and(eq(segments.streamId, streamId), lt(segments.seq, end), lt(segments.seq, sql`${oldest} + ${limit}::int`)),
    )
    .returning()
}
