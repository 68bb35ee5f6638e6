import { and, desc, eq, isNull, lt, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import { follows, noticePreferences, notifications, streams, users } from '../schema.ts'
import type { OpenAnnouncement } from './announcements.ts'
import { isFollowedBy } from './follows.ts'
import type { OwnedStream } from './streams.ts'

export type Notice = typeof notifications.$inferSelect

/** A notice with the broadcast that it is about. */
export type NoticeOfStream = OwnedStream & { readonly notice: Notice }

/** A notice that is not written yet. */
export type NewNotice = Pick<Notice, 'notificationId' | 'userId' | 'kind' | 'streamId'>

/** A follower of a channel, and whether notices of this kind are wanted. */
export type Recipient = { readonly followId: string; readonly userId: string; readonly isMuted: boolean }

/** Returns the next followers of a channel that is announced, in the order of their follows. */
export function readRecipients(
  db: DbOrTx,
  { userId, kind, afterFollow }: OpenAnnouncement,
  limit: number,
): Promise<Recipient[]> {
  return db
    .select({
      followId: follows.followId,
      userId: follows.followerId,
      isMuted: sql<boolean>`(${follows.isMuted} or coalesce(${kind}::text = any(${noticePreferences.mutedKinds}), false))`,
    })
    .from(follows)
    .leftJoin(noticePreferences, eq(noticePreferences.userId, follows.followerId))
    .where(
      and(
        eq(follows.followingId, userId),
        afterFollow === null ? undefined : sql`${follows.followId} > ${afterFollow}`,
      ),
    )
    .orderBy(follows.followId)
    .limit(limit)
}

/** Inserts notices; those that a user has already, and those of deleted users, are left out. Returns how many it inserted. */
export async function insertNotices(db: DbOrTx, notices: readonly NewNotice[]): Promise<number> {
  if (notices.length === 0) return 0
  const { count } = await db.execute(sql`
    insert into ${notifications} (notification_id, user_id, kind, stream_id)
    select fresh."notificationId", person.user_id, fresh.kind, fresh."streamId"
    from json_to_recordset(${JSON.stringify(notices)}::json)
      as fresh("notificationId" uuid, "userId" uuid, kind text, "streamId" uuid)
    join ${users} person on person.user_id = fresh."userId"
    for key share of person
    on conflict (stream_id, kind, user_id) do nothing`)
  return count
}

/** Returns the condition that a user may see the broadcast of a notice. */
function mayBeSeenBy(userId: string): SQL {
  return sql`(${streams.visibility} in ('public', 'unlisted') or ${streams.userId} = ${userId}
    or (${streams.visibility} = 'followers' and ${isFollowedBy(userId, streams.userId)}))`
}

/** A page of notices: those older than `before`, or the newest ones. */
export type NoticePage = { readonly before: string | null; readonly limit: number }

/** Returns the notices of a user, newest first. */
export function readNotices(db: DbOrTx, userId: string, { before, limit }: NoticePage): Promise<NoticeOfStream[]> {
  return db
    .select({ notice: notifications, stream: streams, username: users.username })
    .from(notifications)
    .innerJoin(streams, eq(streams.streamId, notifications.streamId))
    .innerJoin(users, eq(users.userId, streams.userId))
    .where(
      and(
        eq(notifications.userId, userId),
        before === null ? undefined : lt(notifications.notificationId, before),
        mayBeSeenBy(userId),
      ),
    )
    .orderBy(desc(notifications.notificationId))
    .limit(limit)
}

/** Returns how many notices a user has not read, at most `limit`. */
export async function countUnread(db: DbOrTx, userId: string, limit: number): Promise<number> {
  const [row] = await db.execute<{ n: number }>(sql`
    select count(*)::int as n from (
      select from ${notifications} join ${streams} on ${streams.streamId} = ${notifications.streamId}
      where ${notifications.userId} = ${userId} and ${notifications.readAt} is null and ${mayBeSeenBy(userId)}
      limit ${limit}) as unread`)
  return row?.n ?? 0
}

/** Marks a notice of a user as read, and returns it; `null` where the user has none of this id. */
export async function markRead(db: DbOrTx, userId: string, notificationId: string): Promise<Notice | null> {
  const [row] = await db
    .update(notifications)
    .set({ readAt: sql`coalesce(${notifications.readAt}, now())` })
    .where(and(eq(notifications.userId, userId), eq(notifications.notificationId, notificationId)))
    .returning()
  return row ?? null
}

/** Marks all notices of a user as read. */
export async function markAllRead(db: DbOrTx, userId: string): Promise<void> {
  await db
    .update(notifications)
    .set({ readAt: sql`now()` })
    .where(and(eq(notifications.userId, userId), isNull(notifications.readAt)))
}

/** Deletes at most `limit` notices that are older than `days`; returns how many. */
export async function deleteOldNotices(db: DbOrTx, days: number, limit: number): Promise<number> {
  // The least UUIDv7 of that moment (RFC 9562 §5.7).
  const bound = sql`(lpad(to_hex((extract(epoch from now() - make_interval(days => ${days})) * 1000)::bigint), 12, '0')
    || '70008000000000000000')::uuid`
  const old = db
    .select({ id: notifications.notificationId })
    .from(notifications)
    .where(lt(notifications.notificationId, bound))
    .limit(limit)
  const rows = await db
    .delete(notifications)
    .where(sql`${notifications.notificationId} in ${old}`)
    .returning({ id: notifications.notificationId })
  return rows.length
}

/** Returns the ids of the newest notices of users, as one text for each user who has any. */
export async function readNewestIds(db: DbOrTx, userIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await db.execute<{ user_id: string; ids: string | null }>(sql`
    select person.id as user_id, newest.ids from json_array_elements_text(${JSON.stringify(userIds)}::json) as person(id)
    cross join lateral (
      select string_agg(one.id, ' ') as ids from (
        select notification_id::text as id from ${notifications} where user_id = person.id::uuid
        order by notification_id desc limit 5) one) newest`)
  return new Map(rows.map(({ user_id, ids }) => [user_id, ids ?? '']))
}
