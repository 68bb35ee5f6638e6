import { and, eq, inArray, sql, type SQL } from 'drizzle-orm'

import { deleteInBatches } from '../../database/delete-in-batches.ts'
import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { Language } from '../../web/messages.ts'
import {
  NOTICE_KINDS,
  NOTICE_LIFE_SEC,
  SENT_BY_DEFAULT,
  type NoticeChannel,
  type NoticeKind,
} from '../rules/notice-kind.ts'
import { follows, noticeDeliveries, noticePreferences, notifications, streams, users } from '../schema.ts'

export type NoticeDelivery = Pick<typeof noticeDeliveries.$inferSelect, 'streamId' | 'kind' | 'channel' | 'afterUser'>

/** The notices of one broadcast and kind. */
export type NoticeSubject = Pick<NoticeDelivery, 'streamId' | 'kind'>

const isOf = ({ streamId, kind }: NoticeSubject) =>
  and(eq(noticeDeliveries.streamId, streamId), eq(noticeDeliveries.kind, kind))

/** Inserts the deliveries of notices that are written, one for each channel. */
export async function insertNoticeDeliveries(
  tx: DbOrTx,
  { streamId, kind }: NoticeSubject,
  channels: readonly NoticeChannel[],
): Promise<void> {
  if (channels.length === 0) return
  await tx
    .insert(noticeDeliveries)
    .values(channels.map((channel) => ({ streamId, kind, channel })))
    .onConflictDoNothing()
}

/** Returns whether a notice of a broadcast and kind was written within `withinSec`. */
export async function hasRecentNotice(tx: Tx, { streamId, kind }: NoticeSubject, withinSec: number): Promise<boolean> {
  const isRecent = sql`${notifications.createdAt} > now() - make_interval(secs => ${withinSec})`
  const rows = await tx
    .select({ id: notifications.notificationId })
    .from(notifications)
    .where(and(eq(notifications.streamId, streamId), eq(notifications.kind, kind), isRecent))
    .limit(1)
  return rows.length > 0
}

/** Deletes notices with their deliveries, however many there are, so that a changed plan is announced again. */
export async function deleteOutdatedNotices(tx: Tx, subject: NoticeSubject): Promise<void> {
  await tx.delete(noticeDeliveries).where(isOf(subject))
  const { streamId, kind } = subject
  const isOutdated = sql`${notifications.streamId} = ${streamId} and ${notifications.kind} = ${kind}`
  await deleteInBatches(tx, notifications, isOutdated)
}

/** Returns the due time of deliveries by these channels. */
export function deliveriesWait(channels: readonly NoticeChannel[]): DueInMs {
  return dueWhile(
    sql`exists (select from ${noticeDeliveries}
      where ${noticeDeliveries.doneAt} is null and ${inArray(noticeDeliveries.channel, [...channels])})`,
  )
}

/** Returns the open delivery of a channel that has waited for longest, locked; `null` where there is none, or others hold it. */
export async function lockOpenDelivery(tx: Tx, channel: NoticeChannel): Promise<NoticeDelivery | null> {
  const [row] = await tx
    .select({
      streamId: noticeDeliveries.streamId,
      kind: noticeDeliveries.kind,
      channel: noticeDeliveries.channel,
      afterUser: noticeDeliveries.afterUser,
    })
    .from(noticeDeliveries)
    .where(and(eq(noticeDeliveries.channel, channel), sql`${noticeDeliveries.doneAt} is null`))
    .orderBy(noticeDeliveries.touchedAt)
    .limit(1)
    .for('update', { skipLocked: true })
  return row ?? null
}

/** Records that messages up to a user are enqueued; `isDone`: all are. */
export async function advanceDelivery(
  tx: Tx,
  { channel, ...subject }: NoticeDelivery,
  { afterUser, isDone }: { readonly afterUser: string | null; readonly isDone: boolean },
): Promise<void> {
  await tx
    .update(noticeDeliveries)
    .set({ afterUser, touchedAt: sql`clock_timestamp()`, ...(isDone ? { doneAt: sql`now()` } : {}) })
    .where(and(isOf(subject), eq(noticeDeliveries.channel, channel)))
}

/** When a notice ceases to matter. */
const EXPIRES_AT = sql`(notice.created_at + make_interval(secs => case notice.kind ${sql.raw(
  NOTICE_KINDS.map((kind) => `when '${kind}' then ${NOTICE_LIFE_SEC[kind]}`).join(' '),
)} end))`

/** What decides whether a notice `notice` is sent: its user `person`, its broadcast `shown`, and the `owner` of that. */
export const WITH_CIRCUMSTANCES = sql`
  join ${users} person on person.user_id = notice.user_id
  join ${streams} shown on shown.stream_id = notice.stream_id
  join ${users} owner on owner.user_id = shown.user_id
  left join ${noticePreferences} chosen on chosen.user_id = notice.user_id
  left join ${follows} follow on follow.follower_id = notice.user_id and follow.following_id = shown.user_id`

const arrayOf = (kinds: readonly NoticeKind[]) => `array[${kinds.map((kind) => `'${kind}'`).join(', ')}]`

const WANTED: Readonly<Record<NoticeChannel, SQL>> = {
  email: sql`person.email_verified_at is not null and follow.is_email_muted is not true
    and notice.kind = any(coalesce(chosen.email_kinds, ${sql.raw(arrayOf(SENT_BY_DEFAULT.email))}))`,
  push: sql`follow.is_push_muted is not true
    and notice.kind = any(coalesce(chosen.push_kinds, ${sql.raw(arrayOf(SENT_BY_DEFAULT.push))}))`,
}

/** Returns the condition that a notice is still true, not read, recent, and wanted by this channel. */
export const isToSend = (channel: NoticeChannel): SQL => sql`(
  notice.read_at is null and ${EXPIRES_AT} > now() and ${WANTED[channel]}
  and case when notice.kind in ('live', 'alert') then shown.state in ('live', 'reconnecting')
    else shown.state = 'scheduled' end
  and (notice.kind in ('missed', 'alert') or (not follow.is_muted and shown.visibility in ('public', 'followers')
    and not coalesce(notice.kind = any(chosen.muted_kinds), false))))`

/** A notice of a batch, and whether it is to be sent. */
export type DeliveredNotice = {
  readonly notificationId: string
  readonly userId: string
  readonly expiresAt: Date
  readonly isToSend: boolean
}

/** Returns the next notices of a delivery, in the order of their users. */
export async function readDeliveredNotices(
  tx: Tx,
  { streamId, kind, channel, afterUser }: NoticeDelivery,
  limit: number,
): Promise<DeliveredNotice[]> {
  const rows = await tx.execute<Omit<DeliveredNotice, 'expiresAt'> & { expiresAt: string }>(sql`
    select notice.notification_id as "notificationId", notice.user_id as "userId", ${EXPIRES_AT} as "expiresAt",
      coalesce(${isToSend(channel)}, false) as "isToSend"
    from (select * from ${notifications} where stream_id = ${streamId} and kind = ${kind}
      ${afterUser === null ? sql`` : sql`and user_id > ${afterUser}`} order by user_id limit ${limit}) notice
    ${WITH_CIRCUMSTANCES}
    order by notice.user_id`)
  return rows.map((row) => ({ ...row, expiresAt: new Date(row.expiresAt) }))
}

/** A notice with what a message says of it. */
export type NoticeToSend = {
  readonly kind: NoticeKind
  readonly streamId: string
  readonly title: string
  readonly scheduledFor: Date | null
  /** What viewers see or hear that is wrong now: since when, by kind. */
  readonly alerts: Readonly<Record<string, string>>
  readonly channelId: string
  readonly channelName: string
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly language: Language
}

const TO_SEND = sql`notice.kind, shown.stream_id as "streamId", shown.title,
  extract(epoch from shown.scheduled_for)::float8 * 1000 as "scheduledFor", shown.alerts,
  owner.user_id as "channelId", owner.username as "channelName",
  person.user_id as "userId", person.username, person.email, person.language`

/** Returns a notice that is to be sent; `null` where it is not, or not any more. */
export async function findNoticeToSend(
  db: DbOrTx,
  notificationId: string,
  channel: NoticeChannel,
): Promise<NoticeToSend | null> {
  const [row] = await db.execute<Omit<NoticeToSend, 'scheduledFor'> & { scheduledFor: number | null }>(sql`
    select ${TO_SEND} from ${notifications} notice ${WITH_CIRCUMSTANCES}
    where notice.notification_id = ${notificationId} and ${isToSend(channel)}`)
  if (row === undefined) return null
  return { ...row, scheduledFor: row.scheduledFor === null ? null : new Date(row.scheduledFor) }
}
