import { and, count, desc, eq, lt, sql, type SQL } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'

import type { DbOrTx } from '../../ports/database.ts'
import { follows, streams, users } from '../schema.ts'

export type Follow = typeof follows.$inferSelect

/** One user who follows another one. */
export type FollowPair = Pick<Follow, 'followerId' | 'followingId'>

/** A user in a list of follows. */
export type FollowedUser = {
  readonly followId: string
  readonly userId: string
  readonly username: string
  readonly userCreatedAt: Date
  readonly followedAt: Date
}

const isPair = ({ followerId, followingId }: FollowPair) =>
  and(eq(follows.followerId, followerId), eq(follows.followingId, followingId))

/** Returns the condition that a user follows the owner of a row of another table. */
export function isFollowedBy(followerId: string, owner: AnyPgColumn): SQL {
  return sql`exists (select from ${follows} where ${follows.followerId} = ${followerId} and ${follows.followingId} = ${owner})`
}

/** Inserts a follow, unless there is one of this pair or one of both users is gone; the locks keep both there. */
export async function insertFollow(db: DbOrTx, followId: string, pair: FollowPair): Promise<void> {
  await db.execute(sql`
    insert into ${follows} (follow_id, follower_id, following_id)
    select ${followId}::uuid, follower.user_id, following.user_id from ${users} follower, ${users} following
    where follower.user_id = ${pair.followerId} and following.user_id = ${pair.followingId}
    for key share
    on conflict (follower_id, following_id) do nothing`)
}

/** Returns the follow of a pair, or `null`. */
export async function findFollow(db: DbOrTx, pair: FollowPair): Promise<Follow | null> {
  const [row] = await db.select().from(follows).where(isPair(pair))
  return row ?? null
}

/** Returns a follow by its id, or `null`. */
export async function findFollowById(db: DbOrTx, followId: string): Promise<Follow | null> {
  const [row] = await db.select().from(follows).where(eq(follows.followId, followId))
  return row ?? null
}

/** Deletes the follow of a pair; without one, it does nothing. */
export async function deleteFollow(db: DbOrTx, pair: FollowPair): Promise<void> {
  await db.delete(follows).where(isPair(pair))
}

/** Which notices of a channel its follower does not want: none at all, or none that is sent by a channel. */
export type FollowMutes = Partial<Pick<Follow, 'isMuted' | 'isEmailMuted' | 'isPushMuted'>>

/** Turns notices of a follow off or on; returns `null` where there is none. */
export async function muteFollow(db: DbOrTx, pair: FollowPair, mutes: FollowMutes): Promise<Follow | null> {
  const [row] = await db.update(follows).set(mutes).where(isPair(pair)).returning()
  return row ?? null
}

/** Returns which of these pairs are follows. */
export async function listFollowPairs(db: DbOrTx, pairs: readonly FollowPair[]): Promise<FollowPair[]> {
  const rows = await db.execute<{ follower_id: string; following_id: string }>(sql`
    select pair.follower_id, pair.following_id
    from json_to_recordset(${JSON.stringify(pairs)}::json) as named("followerId" uuid, "followingId" uuid)
    join ${follows} pair on pair.follower_id = named."followerId" and pair.following_id = named."followingId"`)
  return rows.map((row) => ({ followerId: row.follower_id, followingId: row.following_id }))
}

/** Returns how many users a user follows. */
export async function countFollowing(db: DbOrTx, followerId: string): Promise<number> {
  const [row] = await db.select({ n: count() }).from(follows).where(eq(follows.followerId, followerId))
  return row?.n ?? 0
}

/** Returns how many users follow a user. */
export async function countFollowers(db: DbOrTx, followingId: string): Promise<number> {
  const [row] = await db.select({ n: count() }).from(follows).where(eq(follows.followingId, followingId))
  return row?.n ?? 0
}

/** A page of a list: follows older than `before`, or the newest ones. */
export type FollowPage = { readonly before: string | null; readonly limit: number }

/** Returns the users who follow a user, the newest first. */
export function readFollowers(db: DbOrTx, followingId: string, page: FollowPage): Promise<FollowedUser[]> {
  return db
    .select(FOLLOWED_USER)
    .from(follows)
    .innerJoin(users, eq(users.userId, follows.followerId))
    .where(and(eq(follows.followingId, followingId), isBefore(page)))
    .orderBy(desc(follows.followId))
    .limit(page.limit)
}

/** Returns the users whom a user follows, the newest first. */
export function readFollowing(db: DbOrTx, followerId: string, page: FollowPage): Promise<FollowedUser[]> {
  return db
    .select(FOLLOWED_USER)
    .from(follows)
    .innerJoin(users, eq(users.userId, follows.followingId))
    .where(and(eq(follows.followerId, followerId), isBefore(page)))
    .orderBy(desc(follows.followId))
    .limit(page.limit)
}

/** A channel that a user follows, with the newest of its broadcasts on the air that followers find in lists. */
export type FollowedChannel = { readonly username: string; readonly liveStreamId: string | null }

/** Returns channels that a user follows: those on the air first, then the newest follows. */
export async function readFollowedChannels(db: DbOrTx, followerId: string, limit: number): Promise<FollowedChannel[]> {
  return db.execute<FollowedChannel>(sql`
    with on_air as (
      select ${streams.userId} as user_id, max(${streams.streamId}::text) as stream_id from ${streams}
      where ${streams.state} in ('live', 'reconnecting') and ${streams.visibility} in ('public', 'followers')
        and ${streams.userId} in (select following_id from ${follows} where follower_id = ${followerId})
      group by 1)
    select channel.username, on_air.stream_id as "liveStreamId"
    from ${follows} follow join ${users} channel on channel.user_id = follow.following_id
    left join on_air on on_air.user_id = follow.following_id
    where follow.follower_id = ${followerId}
    order by on_air.stream_id is null, follow.follow_id desc limit ${limit}`)
}

const FOLLOWED_USER = {
  followId: follows.followId,
  userId: users.userId,
  username: users.username,
  userCreatedAt: users.createdAt,
  followedAt: follows.createdAt,
}

function isBefore({ before }: FollowPage) {
  return before === null ? undefined : lt(follows.followId, before)
}
