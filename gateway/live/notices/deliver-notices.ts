import { sendSoon } from '../../mail/enqueue-mail.ts'
import { countBulkMails, insertBulkMails } from '../../mail/store/mails.ts'
import type { Tx } from '../../ports/database.ts'
import { runEach } from '../../scheduler/run-each.ts'
import type { LiveContext } from '../context.ts'
import { NOTICE_CHANNELS, type NoticeChannel } from '../rules/notice-kind.ts'
import {
  advanceDelivery,
  lockOpenDelivery,
  readDeliveredNotices,
  type DeliveredNotice,
} from '../store/notice-deliveries.ts'
import { countPushes, insertPushes } from '../store/pushes.ts'
import { NOTICE_MAIL } from './email/compose-notice-mail.ts'

/** Notices of one transaction. */
const BATCH = 500
/** Messages of a channel that wait at most: the others stay in their delivery, and may be outdated by then. */
const MAX_WAITING = 2000
/** How long one run enqueues, in ms; the next one goes on. */
const LONGEST_RUN_MS = 5000

/** The queue of a channel. */
type ChannelQueue = {
  /** Returns how many messages wait, at most `limit`. */
  count(tx: Tx, limit: number): Promise<number>
  insert(tx: Tx, notices: readonly DeliveredNotice[]): Promise<void>
  sendSoon(context: LiveContext): void
}

const QUEUES: Readonly<Record<NoticeChannel, ChannelQueue>> = {
  email: {
    count: countBulkMails,
    // The id of the notice is that of the mail, so that no notice is sent twice.
    insert: (tx, notices) =>
      insertBulkMails(
        tx,
        NOTICE_MAIL,
        notices.map(({ notificationId, expiresAt }) => ({ mailId: notificationId, params: {}, expiresAt })),
      ),
    sendSoon,
  },
  push: { count: countPushes, insert: insertPushes, sendSoon: ({ wake }) => wake() },
}

/** Returns how notices are sent here, beside the page. */
export function noticeChannels({ settings }: Pick<LiveContext, 'settings'>): NoticeChannel[] {
  return NOTICE_CHANNELS.filter((channel) => (channel === 'email' ? settings.mail : settings.live.push) !== null)
}

/**
 * Enqueues the messages of written notices in batches, each in a transaction that also records how far it came: gateways that
 * do so at the same time enqueue each message once. What is not wanted by its user, or not true any more, is left out.
 */
export async function deliverNotices(context: LiveContext): Promise<void> {
  await runEach(noticeChannels(context), async (channel) => {
    const endMs = performance.now() + LONGEST_RUN_MS
    while (performance.now() < endMs && (await context.transact((tx) => enqueueBatch(tx, channel)))) {
      QUEUES[channel].sendSoon(context)
    }
  })
}

/** Enqueues the next messages of a channel; returns false where no delivery is open, or too many messages wait. */
async function enqueueBatch(tx: Tx, channel: NoticeChannel): Promise<boolean> {
  const { count, insert } = QUEUES[channel]
  if ((await count(tx, MAX_WAITING)) >= MAX_WAITING) return false
  const open = await lockOpenDelivery(tx, channel)
  if (open === null) return false
  const notices = await readDeliveredNotices(tx, open, BATCH)
  await insert(
    tx,
    notices.filter(({ isToSend }) => isToSend),
  )
  const afterUser = notices.at(-1)?.userId ?? open.afterUser
  await advanceDelivery(tx, open, { afterUser, isDone: notices.length < BATCH })
  return true
}
