import { sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import type { MessageQueue } from '../../queue/store/messages.ts'
import { pushes, pushSubscriptions } from '../schema.ts'
import type { DeliveredNotice } from './notice-deliveries.ts'

export type QueuedPush = Pick<
  typeof pushes.$inferSelect,
  'pushId' | 'subscriptionId' | 'notificationId' | 'attempts' | 'expiresAt'
>

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
  },
  order: [pushes.dueAt],
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
