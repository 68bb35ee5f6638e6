import { Hono } from 'hono'

import { OFTEN_MS, RARELY_MS, taskAtInterval, type PeriodicTask } from '../../scheduler/periodic-task.ts'
import type { MountedSystem } from '../../system.ts'
import type { SessionWatch } from '../accounts/session-watch.ts'
import type { LiveContext } from '../context.ts'
import { ANNOUNCEMENTS_WAIT } from '../store/announcements.ts'
import { deliveriesWait } from '../store/notice-deliveries.ts'
import { deliverNotices, noticeChannels } from './deliver-notices.ts'
import { noticeMails } from './email/compose-notice-mail.ts'
import { createNoticeWatch } from './notice-watch.ts'
import { pushRoutes } from './push/routes.ts'
import { createPushDelivery, deleteExpiredPushes } from './push/send-pushes.ts'
import { createUnreadReading, type ReadUnread } from './read-unread.ts'
import { noticeRoutes } from './routes.ts'
import { faultWebhookRoutes } from './webhook/routes.ts'
import { deleteExpiredNotices, writeNotices } from './write-notices.ts'

/** Notices at work in one gateway. */
export type MountedNotices = Required<Pick<MountedSystem, 'mails' | 'deliveries'>> & {
  readonly api: Hono
  readonly readUnread: ReadUnread
  readonly tasks: readonly PeriodicTask[]
}

/** Returns notices at work in one gateway. */
export function mountNotices(context: LiveContext, sessions: SessionWatch): MountedNotices {
  const { push } = context.settings.live
  const watch = createNoticeWatch(context)
  return {
    readUnread: createUnreadReading(context, watch),
    api: new Hono()
      .route('/', pushRoutes(context))
      .route('/', faultWebhookRoutes(context))
      .route('/', noticeRoutes({ context, watch, sessions })),
    mails: noticeMails(context),
    deliveries: push === null ? [] : [createPushDelivery(context, push)],
    tasks: [
      taskAtInterval('write notices', OFTEN_MS, () => writeNotices(context), ANNOUNCEMENTS_WAIT),
      taskAtInterval('delete old notices', RARELY_MS, () => deleteExpiredNotices(context)),
      ...deliveryTasks(context),
    ],
  }
}

function deliveryTasks(context: LiveContext): PeriodicTask[] {
  const channels = noticeChannels(context)
  if (channels.length === 0) return []
  return [
    taskAtInterval('deliver notices', OFTEN_MS, () => deliverNotices(context), deliveriesWait(channels)),
    taskAtInterval('delete expired pushes', RARELY_MS, () => deleteExpiredPushes(context)),
  ]
}
