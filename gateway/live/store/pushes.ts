import { sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import type { MessageQueue } from '../../queue/store/messages.ts'
import { notifications, pushes, pushSubscriptions } from '../schema.ts'
import { isToSend, WITH_CIRCUMSTANCES, type DeliveredNotice, type NoticeToSend } from './notice-deliveries.ts'
import type { PushSubscription } from './push-subscriptions.ts'

export type QueuedPush = Pick<
  typeof pushes.$inferSelect,
  'pushId' | 'subscriptionId' | 'notificationId' | 'attempts' | 'expiresAt'
> & {
  /** Host and port of its push service. */
  readonly service: string
}

/** The push service of a push. Names are spelled out: in an update, columns go without those of their tables. */
const SERVICE = sql<string>`(select split_part(browser.endpoint, '/', 3) from ${pushSubscriptions} browser
  where browser.subscription_id = ${pushes}.subscription_id)`

/** The pushes that wait, those that have been due for longest first. */
export const PUSH_QUEUE: MessageQueue<QueuedPush> = {
  table: pushes,
  id: pushes.pushId,
  columns: {
    pushId: pushes.pushId,
    subscriptionId: pushes.subscriptionId,
    notificationId: pushes.notificationId,
    attempts: pushes.attempts,
    expiresAt: pushes.expiresAt,
    service: SERVICE,
  },
  order: [pushes.dueAt],
}

/** Returns the condition that a push goes to none of these push services. */
export function isOfOtherServices(services: readonly string[]): SQL {
  return sql`${SERVICE} <> all (array[${sql.join(
    services.map((one) => sql`${one}`),
    sql`, `,
  )}])`
}

/** Inserts the pushes of notices: one for each browser of their users. */
export async function insertPushes(tx: DbOrTx, notices: readonly DeliveredNotice[]): Promise<void> {
  if (notices.length === 0) return
  await tx.execute(sql`
    insert into ${pushes} (push_id, subscription_id, notification_id, expires_at)
    select gen_random_uuid(), browser.subscription_id, fresh."notificationId", fresh."expiresAt"
    from json_to_recordset(${JSON.stringify(notices)}::json)
      as fresh("notificationId" uuid, "userId" uuid, "expiresAt" timestamptz)
    join ${pushSubscriptions} browser on browser.user_id = fresh."userId"
    for key share of browser
    on conflict (notification_id, subscription_id) do nothing`)
}

/** Returns how many pushes wait, at most `limit`. */
export async function countPushes(db: DbOrTx, limit: number): Promise<number> {
  const rows = await db.select({ id: pushes.pushId }).from(pushes).limit(limit)
  return rows.length
}

/** A push with what it says, where it goes, and for how many seconds it matters. */
export type PushToSend = Pick<NoticeToSend, 'kind' | 'streamId' | 'title' | 'channelName' | 'language'> &
  Pick<PushSubscription, 'endpoint' | 'p256dh' | 'auth' | 'serverKey'> & { readonly leftSec: number }

/** Returns a push that is to be sent; `null` where it is not, or not any more. */
export async function findPushToSend(db: DbOrTx, pushId: string): Promise<PushToSend | null> {
  const [row] = await db.execute<PushToSend>(sql`
    select notice.kind, shown.stream_id as "streamId", shown.title, owner.username as "channelName", browser.language,
      browser.endpoint, browser.p256dh, browser.auth, browser.server_key as "serverKey",
      extract(epoch from push.expires_at - now())::float8 as "leftSec"
    from ${pushes} push
    join ${pushSubscriptions} browser on browser.subscription_id = push.subscription_id
    join ${notifications} notice on notice.notification_id = push.notification_id and notice.user_id = browser.user_id
    ${WITH_CIRCUMSTANCES}
    where push.push_id = ${pushId} and push.expires_at > now() and ${isToSend('push')}`)
  return row ?? null
}
