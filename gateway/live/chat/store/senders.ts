import { sql } from 'drizzle-orm'

import { prepareStatement } from '../../../database/prepared-query.ts'
import type { Tx } from '../../../ports/database.ts'
import type { Role } from '../../roles.ts'
import { chatBans, chatModerators, chatSenders, follows, users } from '../../schema.ts'

/** What is known of a user in a room, at the moment of the database. */
export type SenderRow = {
  readonly userId: string
  readonly username: string
  readonly role: Role
  readonly isModerator: boolean
  /** Whether the user follows the owner. */
  readonly isFollower: boolean
  readonly bannedUntilMs: number | null
  readonly paidUntilMs: number
  readonly lastMs: number
}

/** Returns what is known of users in a room of an owner, and the time of the database in ms. */
export async function readSenders(
  tx: Tx,
  room: { readonly streamId: string; readonly ownerId: string },
  userIds: readonly string[],
): Promise<{ readonly nowMs: number; readonly senders: SenderRow[] }> {
  const rows = await sendersQuery(tx, { ...room, userIds: JSON.stringify(userIds) })
  return { nowMs: rows[0]?.now_ms ?? Date.now(), senders: rows.flatMap(toSender) }
}

const sendersQuery = prepareStatement<RawSender>(
  'chat_senders',
  sql`
    select clock.now_ms, person.user_id, person.username, person.role,
      moderator.user_id is not null as is_moderator, follow.follow_id is not null as is_follower,
      case when ban.user_id is not null then coalesce(extract(epoch from ban.until) * 1000, 'Infinity')::float8 end
        as banned_until_ms,
      coalesce(extract(epoch from sender.paid_until) * 1000, 0)::float8 as paid_until_ms,
      coalesce(extract(epoch from sender.last_at) * 1000, 0)::float8 as last_ms
    from (select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms) clock
    cross join (select ${sql.placeholder('streamId')}::uuid as stream_id, ${sql.placeholder('ownerId')}::uuid as owner_id) room
    left join ${users} person
      on person.user_id in (select given.id::uuid from json_array_elements_text(${sql.placeholder('userIds')}::json) as given(id))
    left join ${chatModerators} moderator
      on moderator.owner_id = room.owner_id and moderator.user_id = person.user_id
    left join ${follows} follow on follow.follower_id = person.user_id and follow.following_id = room.owner_id
    left join ${chatBans} ban on ban.owner_id = room.owner_id and ban.user_id = person.user_id
    left join ${chatSenders} sender on sender.stream_id = room.stream_id and sender.user_id = person.user_id`,
)

type RawSender = {
  readonly now_ms: number
  readonly user_id: string | null
  readonly username: string
  readonly role: Role
  readonly is_moderator: boolean
  readonly is_follower: boolean
  readonly banned_until_ms: number | null
  readonly paid_until_ms: number
  readonly last_ms: number
}

function toSender(row: RawSender): SenderRow[] {
  if (row.user_id === null) return []
  return [
    {
      userId: row.user_id,
      username: row.username,
      role: row.role,
      isModerator: row.is_moderator,
      isFollower: row.is_follower,
      bannedUntilMs: row.banned_until_ms,
      paidUntilMs: row.paid_until_ms,
      lastMs: row.last_ms,
    },
  ]
}
