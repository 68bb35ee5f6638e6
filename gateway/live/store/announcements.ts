import { and, eq, sql } from 'drizzle-orm'

import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { AnnouncementKind } from '../rules/notice-kind.ts'
import { announcements, notifications, streams } from '../schema.ts'
import type { Stream } from './streams.ts'

export type BroadcastAnnouncement = typeof announcements.$inferSelect

/** How long before its start a broadcast is announced again, in seconds. */
const SOON_SEC = 600
/** How late a broadcast is before its owner gets a notice, and after which it is too late for one, in seconds. */
const MISSED_SEC = 900
const FORGOTTEN_SEC = 86_400

const isOfKind = (streamId: string, kind: AnnouncementKind) =>
  and(eq(announcements.streamId, streamId), eq(announcements.kind, kind))

/** Inserts an announcement, unless there is one; returns whether it did. */
export async function insertAnnouncement(tx: DbOrTx, streamId: string, kind: AnnouncementKind): Promise<boolean> {
  const rows = await tx
    .insert(announcements)
    .values({ streamId, kind })
    .onConflictDoNothing()
    .returning({ kind: announcements.kind })
  return rows.length > 0
}

/** The condition that a broadcast `planned` begins soon. Names are spelled out: due times are read without table names. */
const BEGINS_SOON = sql`planned.state = 'scheduled' and planned.visibility in ('public', 'followers')
  and planned.scheduled_for > now() and planned.scheduled_for <= now() + make_interval(secs => ${sql.raw(`${SOON_SEC}`)})
  and not exists (select from ${announcements} made where made.stream_id = planned.stream_id and made.kind = 'soon'
    and coalesce(made.planned_for = planned.scheduled_for, true))`

/** The condition that a broadcast `planned` is late, and its owner has no notice of it. */
const IS_MISSED = sql`planned.state = 'scheduled'
  and planned.scheduled_for <= now() - make_interval(secs => ${sql.raw(`${MISSED_SEC}`)})
  and planned.scheduled_for > now() - make_interval(secs => ${sql.raw(`${FORGOTTEN_SEC}`)})
  and not exists (select from ${notifications} made where made.stream_id = planned.stream_id and made.kind = 'missed'
    and made.created_at > planned.scheduled_for)`

/** Announcements are open, a broadcast begins soon, or one is late. */
export const ANNOUNCEMENTS_WAIT: DueInMs = dueWhile(sql`(
  exists (select from ${announcements} where ${announcements.doneAt} is null)
  or exists (select from ${streams} planned where ${BEGINS_SOON})
  or exists (select from ${streams} planned where ${IS_MISSED}))`)

/** Returns broadcasts that begin soon, and are not announced for this time. */
export function listSoon(db: DbOrTx, limit: number): Promise<Pick<Stream, 'streamId' | 'userId'>[]> {
  return db.execute<Pick<Stream, 'streamId' | 'userId'>>(sql`
    select planned.stream_id as "streamId", planned.user_id as "userId" from ${streams} planned
    where ${BEGINS_SOON} limit ${limit}`)
}

/** Announces a broadcast that begins soon, or again at another time; returns `null` where it was announced meanwhile. */
export async function announceSoon(tx: Tx, streamId: string): Promise<'first' | 'again' | null> {
  const [row] = await tx.execute<{ isFirst: boolean }>(sql`
    insert into ${announcements} as known (stream_id, kind, planned_for)
    select planned.stream_id, 'soon', planned.scheduled_for from ${streams} planned
    where planned.stream_id = ${streamId} and ${BEGINS_SOON}
    on conflict (stream_id, kind) do update
      set planned_for = excluded.planned_for, after_follow = null, done_at = null, touched_at = now()
      where known.planned_for <> excluded.planned_for
    returning xmax = 0 as "isFirst"`)
  if (row === undefined) return null
  return row.isFirst ? 'first' : 'again'
}

/** A broadcast that did not begin at its time; `isOutdated`: its owner has a notice that it missed an earlier one. */
export type MissedStream = Pick<Stream, 'streamId' | 'userId'> & { readonly isOutdated: boolean }

/** Returns broadcasts that are late, and whose owners have no notice of it. */
export async function listMissed(db: DbOrTx, limit: number): Promise<string[]> {
  const rows = await db.execute<Pick<Stream, 'streamId'>>(sql`
    select planned.stream_id as "streamId" from ${streams} planned where ${IS_MISSED} limit ${limit}`)
  return rows.map(({ streamId }) => streamId)
}

/** Returns a broadcast that is late, and locks it until the transaction ends; `null` where its owner has a notice of it. */
export async function lockMissed(tx: Tx, streamId: string): Promise<MissedStream | null> {
  // In a statement of its own: the next one sees what was committed while this one waited.
  await tx.execute(sql`select from ${streams} planned where planned.stream_id = ${streamId} for no key update`)
  const [row] = await tx.execute<MissedStream>(sql`
    select planned.stream_id as "streamId", planned.user_id as "userId",
      exists (select from ${notifications} old where old.stream_id = planned.stream_id and old.kind = 'missed') as "isOutdated"
    from ${streams} planned where planned.stream_id = ${streamId} and ${IS_MISSED}`)
  return row ?? null
}

/** An open announcement with what decides who gets it. */
export type OpenAnnouncement = Pick<BroadcastAnnouncement, 'streamId' | 'kind' | 'afterFollow'> &
  Pick<Stream, 'userId' | 'visibility' | 'state'>

/**
 * Returns the open announcement that has waited for longest, and locks it and its broadcast until the transaction ends;
 * `null` where there is none, or others hold it. It waits for no lock, so that it cannot hinder a deletion that waits for it.
 */
export async function lockOpenAnnouncement(tx: Tx): Promise<OpenAnnouncement | null> {
  const [row] = await tx.execute<OpenAnnouncement>(sql`
    select made.stream_id as "streamId", made.kind, made.after_follow as "afterFollow", shown.user_id as "userId",
      shown.visibility, shown.state
    from ${announcements} made join ${streams} shown on shown.stream_id = made.stream_id
    where made.done_at is null order by made.touched_at limit 1
    for update of made skip locked for key share of shown skip locked`)
  return row ?? null
}

/** Lets an announcement wait behind all others. */
export async function postponeAnnouncement(
  db: DbOrTx,
  { streamId, kind }: Pick<BroadcastAnnouncement, 'streamId' | 'kind'>,
): Promise<void> {
  await db
    .update(announcements)
    .set({ touchedAt: sql`clock_timestamp()` })
    .where(isOfKind(streamId, kind))
}

/** Records that the notices up to a follow are written. */
export async function advanceAnnouncement(
  tx: Tx,
  { streamId, kind }: Pick<BroadcastAnnouncement, 'streamId' | 'kind'>,
  afterFollow: string,
): Promise<void> {
  await tx
    .update(announcements)
    .set({ afterFollow, touchedAt: sql`clock_timestamp()` })
    .where(isOfKind(streamId, kind))
}

/** Records that all notices of an announcement are written. */
export async function closeAnnouncement(
  tx: DbOrTx,
  { streamId, kind }: Pick<BroadcastAnnouncement, 'streamId' | 'kind'>,
): Promise<void> {
  await tx
    .update(announcements)
    .set({ doneAt: sql`now()` })
    .where(isOfKind(streamId, kind))
}
