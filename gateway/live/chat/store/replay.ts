import { sql } from 'drizzle-orm'

import type { DbOrTx } from '../../../ports/database.ts'
import { chatEntries, segments, users } from '../../schema.ts'
import type { ChatRole, RoomChange } from '../../rules/chat-entry.ts'
import { FOUND_SEQ, searchSeq } from '../../store/search-seq.ts'

/** A message of a recording, and where it belongs, in seconds without the gaps. */
export type RecordedMessage = {
  readonly seq: number
  readonly entryId: string
  readonly userId: string
  readonly username: string
  readonly role: ChatRole
  readonly text: string
  readonly change: RoomChange | null
  readonly createdAt: Date
  readonly offsetSec: number
}

/** Which messages of a recording to read: those that follow one, from a moment on. */
export type ReplayPage = { readonly fromSec: number; readonly afterSeq: number; readonly limit: number }

/** Returns the messages of a broadcast while it was on the air, with their moments in its recording. */
export async function readReplay(
  db: DbOrTx,
  streamId: string,
  { fromSec, afterSeq, limit }: ReplayPage,
): Promise<RecordedMessage[]> {
  const since = sql`(select since from moment)`
  const search = searchSeq({ table: chatEntries, streamId, time: chatEntries.createdAt, since })
  const rows = await db.execute<RawMessage>(sql`
    with recursive parts as (
      select program_date_time as begins, duration_sec,
        sum(duration_sec) over (order by seq) - duration_sec as start_sec,
        coalesce(lead(program_date_time) over (order by seq), 'infinity') as ends
      from ${segments} where stream_id = ${streamId}
    ), moment as (
      select begins + make_interval(secs => ${fromSec} - start_sec) as since from parts
      where start_sec <= ${fromSec} order by start_sec desc limit 1
    ), ${search}, page as (
      select entry.*, person.username
      from ${chatEntries} entry join ${users} person on person.user_id = entry.user_id
      where entry.stream_id = ${streamId} and entry.seq > ${afterSeq} and entry.seq >= ${FOUND_SEQ}
        and entry.kind in ('message', 'tip') and not entry.is_deleted
      order by entry.seq limit ${limit}
    )
    select page.seq, page.entry_id, page.user_id, page.username, page.role, page.text, page.change,
      (extract(epoch from page.created_at) * 1000)::float8 as at_ms,
      (parts.start_sec + least(parts.duration_sec, extract(epoch from page.created_at - parts.begins)))::float8
        as offset_sec
    from page join parts on page.created_at >= parts.begins and page.created_at < parts.ends
    where parts.ends > (select min(created_at) from page) and parts.begins <= (select max(created_at) from page)
    order by page.seq`)
  return rows.map((row) => ({
    seq: row.seq,
    entryId: row.entry_id,
    userId: row.user_id,
    username: row.username,
    role: row.role,
    text: row.text,
    change: row.change,
    createdAt: new Date(row.at_ms),
    offsetSec: row.offset_sec,
  }))
}

type RawMessage = {
  readonly seq: number
  readonly entry_id: string
  readonly user_id: string
  readonly username: string
  readonly role: ChatRole
  readonly text: string
  readonly change: RoomChange | null
  readonly at_ms: number
  readonly offset_sec: number
}
