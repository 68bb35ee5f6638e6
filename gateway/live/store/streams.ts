import { and, count, eq, inArray, isNotNull, isNull, lt, ne, sql, type SQL } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'

import type { IngestSession } from '../../../shared/contract/live.ts'
import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import { isAmong } from './is-among.ts'
import { streams, users } from '../schema.ts'
import { sourceStatesOf, type BroadcastEvent, nextState } from '../rules/broadcast-state.ts'

export type Stream = typeof streams.$inferSelect
export type NewStream = typeof streams.$inferInsert

/** A broadcast with the name of its owner. */
export type OwnedStream = { readonly stream: Stream; readonly username: string }

/** Inserts a broadcast. */
export async function insertStream(tx: Tx, stream: NewStream): Promise<Stream> {
  const [row] = await tx.insert(streams).values(stream).returning()
  if (row === undefined) throw new Error('the broadcast was not inserted')
  return row
}

/** Returns a broadcast with its owner, or `null`. */
export async function findStream(db: DbOrTx, streamId: string): Promise<OwnedStream | null> {
  const [row] = await selectOwned(db).where(eq(streams.streamId, streamId))
  return row ?? null
}

/** Returns broadcasts in the order of their ids; `null` in the place of one that is gone. */
export async function findStreams(db: DbOrTx, ids: readonly string[]): Promise<(OwnedStream | null)[]> {
  const rows = await selectOwned(db).where(isAmong(streams.streamId, ids))
  const found = new Map(rows.map((row) => [row.stream.streamId, row]))
  return ids.map((id) => found.get(id) ?? null)
}

/** Returns a broadcast and locks its row until the transaction ends; `null` where there is none. */
export async function lockStream(tx: Tx, streamId: string): Promise<Stream | null> {
  const [row] = await tx.select().from(streams).where(eq(streams.streamId, streamId)).for('update')
  return row ?? null
}

/** Returns the broadcast of a stream key's hash and locks its row; `null` where there is none. */
export async function lockStreamOfKey(tx: Tx, keyHash: string): Promise<Stream | null> {
  const [row] = await tx.select().from(streams).where(eq(streams.keyHash, keyHash)).for('update')
  return row ?? null
}

/** Returns how many broadcasts of a user have not ended. */
export async function countOpenStreams(tx: Tx, userId: string): Promise<number> {
  const [row] = await tx
    .select({ n: count() })
    .from(streams)
    .where(and(eq(streams.userId, userId), ne(streams.state, 'ended')))
  return row?.n ?? 0
}

/** Returns how many other broadcasts are on the air. */
export async function countOnAir(tx: Tx, exceptId: string): Promise<number> {
  const [row] = await tx
    .select({ n: count() })
    .from(streams)
    .where(and(inArray(streams.state, ['live', 'reconnecting']), ne(streams.streamId, exceptId)))
  return row?.n ?? 0
}

/** Selects broadcasts with the names of their owners. */
export function selectOwned(db: DbOrTx) {
  return db
    .select({ stream: streams, username: users.username })
    .from(streams)
    .innerJoin(users, eq(users.userId, streams.userId))
}

/** The moment of a change: `updateStreamRow` takes it by the clock of the database, to which others compare it. */
export const NOW = sql`now()`

/** Changes columns of a broadcast. */
export async function updateStreamRow(
  tx: DbOrTx,
  streamId: string,
  change: PgUpdateSetSource<typeof streams>,
): Promise<Stream | null> {
  const [row] = await tx
    .update(streams)
    .set({ ...change, updatedAt: sql`now()` })
    .where(eq(streams.streamId, streamId))
    .returning()
  return row ?? null
}

/** Columns that change together with the state. */
const CHANGES = {
  encoder_published: { startedAt: sql`coalesce(${streams.startedAt}, now())`, reconnectingSince: null },
  encoder_lost: { reconnectingSince: sql`now()` },
  window_passed: { endedAt: sql`now()` },
  ended: { endedAt: sql`now()` },
} as const

/** Changes the state of broadcasts by an event, where it applies and `condition` holds; returns the changed ones. */
function changeStates(
  tx: DbOrTx,
  event: BroadcastEvent,
  condition: SQL | undefined,
  more: Partial<NewStream> = {},
): Promise<Stream[]> {
  const from = sourceStatesOf(event)
  const [first] = from
  if (first === undefined) throw new Error(`event ${event} changes no state`)
  return tx
    .update(streams)
    .set({ ...more, ...CHANGES[event], state: nextState(first, event), updatedAt: sql`now()` })
    .where(and(inArray(streams.state, from), condition))
    .returning()
}

/** Columns of a broadcast that no encoder may publish to any more. */
const NO_PUBLISHER = { publisherSession: null, publisherSource: null }

/** Changes the state of a broadcast by an event; returns `null` where it does not apply. */
export async function changeState(tx: DbOrTx, streamId: string, event: BroadcastEvent): Promise<Stream | null> {
  const [row] = await changeStates(tx, event, eq(streams.streamId, streamId))
  return row ?? null
}

/** Ends a broadcast; returns `null` where it has ended. Its encoder is disconnected at the next report of its ingest. */
export async function endStreamRow(tx: DbOrTx, streamId: string, endReason: string): Promise<Stream | null> {
  const [row] = await changeStates(tx, 'ended', eq(streams.streamId, streamId), { ...NO_PUBLISHER, endReason })
  return row ?? null
}

/** Ends all broadcasts of a user that have not ended; returns them. */
export function endStreamsOf(tx: Tx, userId: string, endReason: string): Promise<Stream[]> {
  return changeStates(tx, 'ended', eq(streams.userId, userId), { ...NO_PUBLISHER, endReason })
}

/** Ends the broadcasts whose encoder has been away for longer than `windowSec`. */
export function endPastWindow(db: DbOrTx, windowSec: number, endReason: string): Promise<Stream[]> {
  const since = lt(streams.reconnectingSince, sql`now() - make_interval(secs => ${windowSec})`)
  return changeStates(db, 'window_passed', since, { ...NO_PUBLISHER, endReason })
}

/** Ends the broadcasts that have been on the air for longer than `maxSec`. */
export function endTooLong(db: DbOrTx, maxSec: number, endReason: string): Promise<Stream[]> {
  const since = lt(streams.startedAt, sql`now() - make_interval(secs => ${maxSec})`)
  return changeStates(db, 'ended', and(isNull(streams.closedAt), since), { ...NO_PUBLISHER, endReason })
}

/**
 * Records that no ingest worker has reported the encoders of broadcasts for `afterSec` seconds: they seem to be gone. One
 * that is reported again publishes on: its ingest worker was cut off.
 */
export function loseUnseenEncoders(db: DbOrTx, afterSec: number): Promise<Stream[]> {
  const unseen = lt(streams.publisherSeenAt, sql`now() - make_interval(secs => ${afterSec})`)
  return changeStates(db, 'encoder_lost', and(isNotNull(streams.publisherSession), unseen))
}

/** Records that the encoders of an ingest worker are gone, since its process is another one. */
export function loseEncodersOf(db: DbOrTx, ingestId: string): Promise<Stream[]> {
  return losePublishers(db, and(isNotNull(streams.publisherSession), eq(streams.publisherIngest, ingestId)))
}

/** Records that sessions have ended, where they are the ones that publish. */
export async function loseEncoders(db: DbOrTx, sessions: readonly string[]): Promise<Stream[]> {
  return sessions.length === 0 ? [] : losePublishers(db, isAmong(streams.publisherSession, sessions))
}

/** Records that the encoders of broadcasts are gone, also of those which seemed to be so before; returns the others. */
async function losePublishers(db: DbOrTx, condition: SQL | undefined): Promise<Stream[]> {
  const lost = await changeStates(db, 'encoder_lost', condition, NO_PUBLISHER)
  await db.update(streams).set(NO_PUBLISHER).where(condition)
  return lost
}

/** Records that sessions send nothing; they may send again. */
export async function markSilent(db: DbOrTx, sessions: readonly string[]): Promise<Stream[]> {
  return sessions.length === 0 ? [] : changeStates(db, 'encoder_lost', isAmong(streams.publisherSession, sessions))
}

/** Records that sessions send again. */
export async function markSending(db: DbOrTx, sessions: readonly string[]): Promise<Stream[]> {
  return sessions.length === 0 ? [] : changeStates(db, 'encoder_published', isAmong(streams.publisherSession, sessions))
}

/** What an ingest worker measured of a session that publishes. */
export type MeasuredPublisher = Pick<IngestSession, 'session' | 'facts' | 'silent_ms'>

/** Stores what an ingest worker measured of sessions that publish, and when it last heard them. */
export async function recordPublishers(db: DbOrTx, measured: readonly MeasuredPublisher[]): Promise<void> {
  if (measured.length === 0) return
  const seenAt = sql`now() - make_interval(secs => given.silent_ms / 1000.0)`
  await db.execute(sql`
    update ${streams} set publisher_seen_at = ${seenAt}, publisher_facts = given.facts
    from json_to_recordset(${JSON.stringify(measured)}::json) as given(session uuid, facts json, silent_ms bigint)
    where ${streams.publisherSession} = given.session`)
}

/** Returns broadcasts by their ids. */
export async function listStreamsById(db: DbOrTx, ids: readonly string[]): Promise<Stream[]> {
  return ids.length === 0 ? [] : db.select().from(streams).where(isAmong(streams.streamId, ids))
}

// The literal makes the partial index usable.
const isUnclosed = and(isNull(streams.closedAt), sql`${streams.state} = 'ended'`)

/** Broadcasts are on the air, or have ended and are not closed: the clock changes them. */
export const STREAMS_ARE_OPEN: DueInMs = dueWhile(sql`(
  exists (select from ${streams} where ${streams.closedAt} is null and ${streams.startedAt} is not null)
  or exists (select from ${streams} where ${isUnclosed}))`)

/** How long the worker of a broadcast that has ended may report no segment, in seconds: it encodes the next one, or stores it. */
export type ClosingTimes = { readonly encodeSec: number; readonly storeSec: number }

/** Returns broadcasts that have ended, and whose worker does not get on with what has arrived. */
export async function listUnclosed(db: DbOrTx, { encodeSec, storeSec }: ClosingTimes): Promise<string[]> {
  const hasWaiting = sql`coalesce((${streams.health} ->> 'waiting_segments')::int, 0) > 0`
  const rows = await db
    .select({ id: streams.streamId })
    .from(streams)
    .where(
      and(
        isUnclosed,
        lt(
          sql`greatest(${streams.endedAt}, ${streams.segmentSeenAt})`,
          sql`now() - make_interval(secs => case when ${hasWaiting} then ${storeSec}::int else ${encodeSec}::int end)`,
        ),
      ),
    )
  return rows.map(({ id }) => id)
}
