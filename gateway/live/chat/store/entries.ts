import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm'

import { prepareQuery, prepareStatement } from '../../../database/prepared-query.ts'
import type { Db, DbOrTx, Tx } from '../../../ports/database.ts'
import { chatEntries, chatRooms, chatSenders, users } from '../../schema.ts'
import { forgetPinnedIn } from '../../store/kept-chats.ts'
import { TEXT_KINDS } from '../../rules/chat-entry.ts'
import type { Sender } from '../rules/judge-messages.ts'

type ChatEntryRow = typeof chatEntries.$inferSelect

/** An entry of a chat with the name of its user. */
export type ChatEntry = ChatEntryRow & { readonly username: string }

/** An entry to write. */
export type NewChatEntry = Pick<
  ChatEntryRow,
  'seq' | 'entryId' | 'kind' | 'userId' | 'role' | 'text' | 'nonce' | 'change'
>

/** How long a message stays in the live chat, in seconds. */
const LIVE_SEC = 300

const COLUMNS = {
  streamId: chatEntries.streamId,
  seq: chatEntries.seq,
  entryId: chatEntries.entryId,
  kind: chatEntries.kind,
  userId: chatEntries.userId,
  role: chatEntries.role,
  text: chatEntries.text,
  nonce: chatEntries.nonce,
  change: chatEntries.change,
  isDeleted: chatEntries.isDeleted,
  createdAt: chatEntries.createdAt,
  username: users.username,
}

const isLive = sql`${chatEntries.createdAt} > clock_timestamp() - make_interval(secs => ${LIVE_SEC})`

function selectEntries(db: DbOrTx) {
  return db.select(COLUMNS).from(chatEntries).innerJoin(users, eq(users.userId, chatEntries.userId))
}

/** Returns the entries of the live chat that follow a number, oldest first. */
export function readEntriesAfter(db: Db, streamId: string, afterSeq: number, limit: number): Promise<ChatEntry[]> {
  return entriesAfterQuery(db, { streamId, afterSeq, limit })
}

const entriesAfterQuery = prepareQuery('chat_entries_after', (db) =>
  selectEntries(db)
    .where(
      and(
        eq(chatEntries.streamId, sql.placeholder('streamId')),
        gt(chatEntries.seq, sql.placeholder('afterSeq')),
        isLive,
      ),
    )
    .orderBy(asc(chatEntries.seq))
    .limit(sql.placeholder('limit')),
)

/** Returns the newest messages of the live chat that stand before a number, oldest first. */
export async function readNewestEntries(
  db: DbOrTx,
  streamId: string,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<ChatEntry[]> {
  const isBefore = before === null ? undefined : sql`${chatEntries.seq} < ${before}`
  const rows = await selectEntries(db)
    .where(and(eq(chatEntries.streamId, streamId), isBefore, isLive, hasText, notDeleted))
    .orderBy(sql`${chatEntries.seq} desc`)
    .limit(limit)
  return rows.toReversed()
}

const hasText = inArray(chatEntries.kind, TEXT_KINDS)
const notDeleted = eq(chatEntries.isDeleted, false)

/** Returns a message of a chat; `null` where there is none, or it is deleted. */
export async function findMessage(db: DbOrTx, streamId: string, entryId: string): Promise<ChatEntry | null> {
  const isMessage = and(eq(chatEntries.entryId, entryId), hasText, notDeleted)
  const [row] = await selectEntries(db).where(and(eq(chatEntries.streamId, streamId), isMessage))
  return row ?? null
}

/** Returns entries by their numbers. */
export function listEntries(db: DbOrTx, streamId: string, seqs: readonly number[]): Promise<ChatEntry[]> {
  const isAmong = sql`${chatEntries.seq} in (select given.seq::int from json_array_elements_text(${JSON.stringify(seqs)}::json) as given(seq))`
  return selectEntries(db).where(and(eq(chatEntries.streamId, streamId), isAmong))
}

/** A message of a user, by its nonce. */
type NonceRef = { readonly userId: string; readonly nonce: string }

/** Returns the numbers of messages that were written before. */
export async function findNonces(
  tx: Tx,
  streamId: string,
  refs: readonly NonceRef[],
): Promise<(NonceRef & { readonly seq: number })[]> {
  const rows = await noncesQuery(tx, { streamId, refs: JSON.stringify(refs) })
  return rows.map(({ user_id: userId, nonce, seq }) => ({ userId, nonce, seq }))
}

const noncesQuery = prepareStatement<{ user_id: string; nonce: string; seq: number }>(
  'chat_nonces',
  sql`
    select entry.user_id, entry.nonce, entry.seq
    from json_to_recordset(${sql.placeholder('refs')}::json) as given("userId" uuid, nonce text)
    join ${chatEntries} entry
      on entry.stream_id = ${sql.placeholder('streamId')} and entry.user_id = given."userId" and entry.nonce = given.nonce`,
)

/** What is written to a room at one moment. */
export type RoomWrite = {
  readonly at: Date
  readonly lastSeq: number
  readonly entries: readonly NewChatEntry[]
  readonly senders: readonly Sender[]
}

/** Writes entries to a room whose row is locked. */
export async function writeEntries(tx: Tx, streamId: string, write: RoomWrite): Promise<void> {
  const paid = write.senders.map(({ userId, paidUntilMs }) => ({ userId, until: new Date(paidUntilMs).toISOString() }))
  await writeQuery(tx, {
    streamId,
    at: write.at.toISOString(),
    lastSeq: write.lastSeq,
    entries: JSON.stringify(write.entries),
    senders: JSON.stringify(paid),
  })
}

const ROOM = sql`${sql.placeholder('streamId')}::uuid`
const WRITTEN_AT = sql`${sql.placeholder('at')}::timestamptz`

const writeQuery = prepareStatement(
  'chat_write',
  sql`
    with entries as (
      insert into ${chatEntries}
        (stream_id, seq, entry_id, kind, user_id, role, text, nonce, change, created_at)
      select ${ROOM}, seq, "entryId", kind, "userId", role, text, nonce, change, ${WRITTEN_AT}
      from json_to_recordset(${sql.placeholder('entries')}::json) as given(
        seq int, "entryId" uuid, kind text, "userId" uuid, role text, text text, nonce text, change json)
    ), senders as (
      insert into ${chatSenders} (stream_id, user_id, paid_until, last_at)
      select ${ROOM}, "userId", until, ${WRITTEN_AT}
      from json_to_recordset(${sql.placeholder('senders')}::json) as given("userId" uuid, until timestamptz)
      on conflict (stream_id, user_id) do update set paid_until = excluded.paid_until, last_at = excluded.last_at
    )
    update ${chatRooms} set last_seq = ${sql.placeholder('lastSeq')} where ${chatRooms.streamId} = ${ROOM}`,
)

/** Which messages of a room are deleted: one, or all of a user. */
export type DeletedMessages = { readonly entryId: string } | { readonly userId: string }

/** Marks messages as deleted, and removes their text and the copies that pinning them has made. */
export async function deleteMessages(tx: Tx, streamId: string, which: DeletedMessages): Promise<void> {
  const isOne = 'entryId' in which ? eq(chatEntries.entryId, which.entryId) : eq(chatEntries.userId, which.userId)
  await tx
    .update(chatEntries)
    .set({ isDeleted: true, text: '' })
    .where(and(eq(chatEntries.streamId, streamId), hasText, isOne))
  await forgetPinnedIn(tx, streamId, which)
}

/**
 * Deletes the entries of a room that have left the live chat. Where none is left, all up to now are deleted: the last ones may
 * have gone with their authors.
 */
export async function deleteOldEntries(tx: Tx, streamId: string): Promise<void> {
  await tx.execute(sql`
    with deleted as (
      delete from ${chatEntries} where ${chatEntries.streamId} = ${streamId} and not (${isLive})
      returning ${chatEntries.seq} as seq
    )
    update ${chatRooms} set deleted_seq = greatest(deleted_seq, (select max(seq) from deleted), (
      select last_seq from ${chatRooms} as now where now.stream_id = ${streamId} and not exists (
        select from ${chatEntries} where ${chatEntries.streamId} = ${streamId} and ${isLive})))
    where ${chatRooms.streamId} = ${streamId}`)
}
