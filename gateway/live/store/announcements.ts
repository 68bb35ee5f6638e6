import { and, eq, isNull, sql } from 'drizzle-orm'

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
  and not exists (select from ${announcements} made where made.stream_id = planned.stream_id and made.kind = 'soon')`

/** The condition that a broadcast `planned` is late, and its owner has no notice of it. */
const IS_MISSED = sql`planned.state = 'scheduled'
  and planned.scheduled_for <= now() - make_interval(secs => ${sql.raw(`${MISSED_SEC}`)})
  and planned.scheduled_for > now() - make_interval(secs => ${sql.raw(`${FORGOTTEN_SEC}`)})
  and not exists (select from ${notifications} made where made.stream_id = planned.stream_id and made.kind = 'missed')`

/** Announcements are open, a broadcast begins soon, or one is late. */
export const ANNOUNCEMENTS_WAIT: DueInMs = dueWhile(sql`(
  exists (select from ${announcements} where ${announcements.doneAt} is null)
  or exists (select from ${streams} planned where ${BEGINS_SOON})
  or exists (select from ${streams} planned where ${IS_MISSED}))`)

/** Inserts the announcements of broadcasts that begin soon. */
export async function announceSoon(db: DbOrTx): Promise<void> {
  await db.execute(sql`
    insert into ${announcements} (stream_id, kind)
    select planned.stream_id, 'soon' from ${streams} planned where ${BEGINS_SOON}
    on conflict do nothing`)
}

/** Returns broadcasts that are late, and whose owners have no notice of it. */
export async function listMissed(db: DbOrTx, limit: number): Promise<Pick<Stream, 'streamId' | 'userId'>[]> {
  return db.execute<Pick<Stream, 'streamId' | 'userId'>>(sql`
    select planned.stream_id as "streamId", planned.user_id as "userId" from ${streams} planned
    where ${IS_MISSED} limit ${limit}`)
}

/** An open announcement with what decides who gets it. */
export type OpenAnnouncement = Pick<BroadcastAnnouncement, 'streamId' | 'kind' | 'afterFollow'> &
  Pick<Stream, 'userId' | 'visibility' | 'state'>

/**
 * Returns the open announcement that has waited for longest, and locks it until the transaction ends; `null` where there is
 * none, or others write them.
 */
export async function lockOpenAnnouncement(tx: Tx): Promise<OpenAnnouncement | null> {
  const [row] = await tx
    .select({
      streamId: announcements.streamId,
      kind: announcements.kind,
      afterFollow: announcements.afterFollow,
      userId: streams.userId,
      visibility: streams.visibility,
      state: streams.state,
    })
    .from(announcements)
    .innerJoin(streams, eq(streams.streamId, announcements.streamId))
    .where(isNull(announcements.doneAt))
    .orderBy(announcements.touchedAt)
    .limit(1)
    .for('update', { of: announcements, skipLocked: true })
  return row ?? null
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
