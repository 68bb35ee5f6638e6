import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { ANNOUNCEMENT_KINDS } from '../rules/notice-kind.ts'
import {
  countUnread,
  markAllRead,
  markRead,
  putMutedKinds,
  readMutedKinds,
  readNotices,
  type Notice,
} from '../store/notices.ts'
import { presentNotice, type NoticeList, type NoticePreferences } from './present.ts'
import type { NoticeListQuery, NoticePreferencesBody } from './requests.ts'
import { readTopicOf } from './topic.ts'

/** Notices that are counted as unread at most. */
const MAX_COUNTED = 100

/** Returns how many notices a user has not read, at most 100. */
export function countUnreadNotices({ db }: LiveContext, { user }: SignedIn): Promise<number> {
  return countUnread(db, user.userId, MAX_COUNTED)
}

/**
 * Returns the notices of the signed-in user, newest first, and how many are not read.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listNotices(
  context: LiveContext,
  signedIn: SignedIn,
  { cursor, limit }: NoticeListQuery,
): Promise<NoticeList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const [rows, unread] = await Promise.all([
    readNotices(context.db, signedIn.user.userId, { before, limit: limit + 1 }),
    countUnreadNotices(context, signedIn),
  ])
  const { page, nextCursor } = cutPage(rows, limit, ({ notice }) => notice.notificationId)
  return { notifications: page.map(presentNotice), next_cursor: nextCursor, unread_count: unread }
}

/** Marks a notice of the signed-in user as read, and returns it. @throws BrokenRule NOTIFICATION_NOT_FOUND */
export async function readNotice({ db, wideNotifier }: LiveContext, { user }: SignedIn, id: string): Promise<Notice> {
  const notice = UUID.test(id) ? await markRead(db, user.userId, id) : null
  if (notice === null) throw new BrokenRule(LIVE_ERRORS.NOTIFICATION_NOT_FOUND, 'you have no notice of this id')
  wideNotifier.notify(readTopicOf(user.userId))
  return notice
}

/** Marks all notices of the signed-in user as read. */
export async function readAllNotices({ db, wideNotifier }: LiveContext, { user }: SignedIn): Promise<void> {
  await markAllRead(db, user.userId)
  wideNotifier.notify(readTopicOf(user.userId))
}

/** Returns which kinds of notices the signed-in user wants. */
export async function readNoticePreferences({ db }: LiveContext, { user }: SignedIn): Promise<NoticePreferences> {
  const muted = await readMutedKinds(db, user.userId)
  return { scheduled: !muted.includes('scheduled'), soon: !muted.includes('soon'), live: !muted.includes('live') }
}

/** Changes which kinds of notices the signed-in user wants. */
export async function updateNoticePreferences(
  context: LiveContext,
  signedIn: SignedIn,
  body: NoticePreferencesBody,
): Promise<NoticePreferences> {
  const current = await readNoticePreferences(context, signedIn)
  const wanted = {
    scheduled: body.scheduled ?? current.scheduled,
    soon: body.soon ?? current.soon,
    live: body.live ?? current.live,
  }
  const muted = ANNOUNCEMENT_KINDS.filter((kind) => !wanted[kind])
  await putMutedKinds(context.db, signedIn.user.userId, muted)
  return wanted
}
