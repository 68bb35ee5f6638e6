import { and, eq, lt, sql } from 'drizzle-orm'

import { prepareQuery } from '../../../database/prepared-query.ts'
import type { DbOrTx, Tx } from '../../../ports/database.ts'
import { archives, chatRooms, streams } from '../../schema.ts'
import { isAmong } from '../../store/is-among.ts'

export type ChatRoomRow = typeof chatRooms.$inferSelect

/** The row of a room with what it needs to know of its broadcast. */
export type LockedRoom = {
  readonly room: ChatRoomRow
  readonly stream: Pick<typeof streams.$inferSelect, 'streamId' | 'userId' | 'visibility' | 'state'>
}

const STREAM_COLUMNS = {
  streamId: streams.streamId,
  userId: streams.userId,
  visibility: streams.visibility,
  state: streams.state,
}

/** Returns a room and locks its row until the transaction ends; `null` where there is no such broadcast. */
export async function lockRoom(tx: Tx, streamId: string): Promise<LockedRoom | null> {
  return (await selectLocked(tx, streamId)) ?? ((await insertRoom(tx, streamId)) ? selectLocked(tx, streamId) : null)
}

async function selectLocked(tx: Tx, streamId: string): Promise<LockedRoom | null> {
  const [row] = await lockQuery(tx, { streamId })
  return row ?? null
}

const lockQuery = prepareQuery('chat_lock', (db) =>
  db
    .select({ room: chatRooms, stream: STREAM_COLUMNS })
    .from(streams)
    .innerJoin(chatRooms, eq(chatRooms.streamId, streams.streamId))
    .where(eq(streams.streamId, sql.placeholder('streamId')))
    .for('update', { of: chatRooms }),
)

/** Makes the room of a broadcast, with the settings of the owner's last one; returns false where there is none. */
async function insertRoom(tx: Tx, streamId: string): Promise<boolean> {
  await tx.execute(sql`
    insert into ${chatRooms} (stream_id, slow_mode_sec, is_followers_only, blocked_words)
    select own.stream_id, coalesce(last.slow_mode_sec, 0), coalesce(last.is_followers_only, false),
      coalesce(last.blocked_words, '{}')
    from ${streams} own left join lateral (
      select room.slow_mode_sec, room.is_followers_only, room.blocked_words
      from ${chatRooms} room join ${streams} other on other.stream_id = room.stream_id
      where other.user_id = own.user_id order by other.stream_id desc limit 1
    ) last on true
    where own.stream_id = ${streamId}
    on conflict do nothing`)
  const rows = await tx.select({ id: chatRooms.streamId }).from(chatRooms).where(eq(chatRooms.streamId, streamId))
  return rows.length > 0
}

/** Returns the row of a room, or `null` where nothing was written in it. */
export async function findRoom(db: DbOrTx, streamId: string): Promise<ChatRoomRow | null> {
  const [row] = await db.select().from(chatRooms).where(eq(chatRooms.streamId, streamId))
  return row ?? null
}

/** Returns the numbers of the newest entries of chats, in the order of their broadcasts; 0 where nothing was written. */
export async function readLastSeqs(db: DbOrTx, streamIds: readonly string[]): Promise<number[]> {
  const rows = await db
    .select({ streamId: chatRooms.streamId, lastSeq: chatRooms.lastSeq })
    .from(chatRooms)
    .where(isAmong(chatRooms.streamId, streamIds))
  const found = new Map(rows.map(({ streamId, lastSeq }) => [streamId, lastSeq]))
  return streamIds.map((id) => found.get(id) ?? 0)
}

/** Changes the settings of a room. */
export async function updateRoomRow(
  tx: Tx,
  streamId: string,
  change: Partial<Pick<ChatRoomRow, 'slowModeSec' | 'isFollowersOnly' | 'blockedWords' | 'pinnedSeq'>>,
): Promise<void> {
  await tx.update(chatRooms).set(change).where(eq(chatRooms.streamId, streamId))
}

/** Returns rooms with entries that are not kept for a replay: neither on the air to be recorded, nor recorded. */
export async function listUnkeptRooms(db: DbOrTx, limit: number): Promise<string[]> {
  const mayBeRecorded = sql`${streams.isRecorded} and ${streams.closedAt} is null and ${streams.startedAt} is not null`
  const isRecorded = sql`${streams.discardedAt} is null
    and exists (select 1 from ${archives} where ${archives.streamId} = ${streams.streamId})`
  const rows = await db
    .select({ id: chatRooms.streamId })
    .from(chatRooms)
    .innerJoin(streams, eq(streams.streamId, chatRooms.streamId))
    .where(
      and(
        lt(chatRooms.deletedSeq, chatRooms.lastSeq),
        sql`not (${streams.keepsChat} and ((${mayBeRecorded}) or (${isRecorded})))`,
      ),
    )
    .limit(limit)
  return rows.map(({ id }) => id)
}
