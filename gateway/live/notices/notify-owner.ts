import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import type { NoticeChannel } from '../rules/notice-kind.ts'
import {
  deleteOutdatedNotices,
  hasRecentNotice,
  insertNoticeDeliveries,
  type NoticeSubject,
} from '../store/notice-deliveries.ts'
import { insertNotices } from '../store/notices.ts'
import type { Stream } from '../store/streams.ts'

/** How long no further notice of a fault follows one, in seconds. */
const ALERT_PAUSE_SEC = 900

/** A notice to the owner of a broadcast; `isOutdated`: it replaces an older one. */
export type OwnerNotice = NoticeSubject & Pick<Stream, 'userId'> & { readonly isOutdated: boolean }

/** Writes a notice to the owner of a broadcast, and has it sent. */
export async function notifyOwner(tx: Tx, notice: OwnerNotice, channels: readonly NoticeChannel[]): Promise<void> {
  const { streamId, userId, kind, isOutdated } = notice
  if (isOutdated) await deleteOutdatedNotices(tx, notice)
  const inserted = await insertNotices(tx, [{ streamId, userId, kind, notificationId: newUuid() }])
  if (inserted > 0) await insertNoticeDeliveries(tx, { streamId, kind }, channels)
}

/** Writes a notice of a fault to the owner of a broadcast whose row is locked; a fault soon after another one has none. */
export async function notifyOwnerOfFault(
  tx: Tx,
  { streamId, userId }: Pick<Stream, 'streamId' | 'userId'>,
  channels: readonly NoticeChannel[],
): Promise<void> {
  const subject = { streamId, kind: 'alert' } as const
  if (await hasRecentNotice(tx, subject, ALERT_PAUSE_SEC)) return
  await notifyOwner(tx, { ...subject, userId, isOutdated: true }, channels)
}
