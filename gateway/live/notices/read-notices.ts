import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { presentPreferences, type NoticePreferences } from '../present-preferences.ts'
import { ANNOUNCEMENT_KINDS, NOTICE_KINDS } from '../rules/notice-kind.ts'
import { putPreferences, readPreferences } from '../store/notice-preferences.ts'
import { countUnread, markAllRead, markRead, readNotices, type Notice } from '../store/notices.ts'
import { presentNotice, type NoticeList } from './present.ts'
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
  return presentPreferences(await readPreferences(db, user.userId))
}

/** Changes which kinds of notices the signed-in user wants, and which of them are sent. */
export async function updateNoticePreferences(
  context: LiveContext,
  signedIn: SignedIn,
  body: NoticePreferencesBody,
): Promise<NoticePreferences> {
  const current = await readNoticePreferences(context, signedIn)
  await putPreferences(context.db, signedIn.user.userId, {
    mutedKinds: ANNOUNCEMENT_KINDS.filter((kind) => !(body[kind] ?? current[kind])),
    emailKinds: NOTICE_KINDS.filter((kind) => body.email?.[kind] ?? current.email[kind]),
    pushKinds: NOTICE_KINDS.filter((kind) => body.push?.[kind] ?? current.push[kind]),
  })
  return readNoticePreferences(context, signedIn)
}
