/** The tables of notices, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { index, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import { createdAt, moment } from './account-schema.ts'
import type { AnnouncementKind, NoticeKind } from './rules/notice-kind.ts'
import { streamOf, userOf } from './stream-schema.ts'

/** What the followers of a channel are to learn, once for each broadcast and kind. Its notices are written in batches. */
export const announcements = pgTable(
  'announcements',
  {
    streamId: streamOf('stream_id').notNull(),
    kind: text('kind').$type<AnnouncementKind>().notNull(),
    /** The follow up to which notices are written; `null`: none is. */
    afterFollow: uuid('after_follow'),
    /** When the last batch was written: the announcement that has waited for longest is next. */
    touchedAt: moment('touched_at').notNull().defaultNow(),
    doneAt: moment('done_at'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.streamId, table.kind] }),
    index('announcements_open')
      .on(table.touchedAt)
      .where(sql`done_at is null`),
  ],
)

/** A notice to one user. Its id is a UUIDv7, so that old ones are found by it. */
export const notifications = pgTable(
  'notifications',
  {
    notificationId: uuid('notification_id').primaryKey(),
    userId: userOf('user_id').notNull(),
    kind: text('kind').$type<NoticeKind>().notNull(),
    streamId: streamOf('stream_id').notNull(),
    createdAt: createdAt(),
    readAt: moment('read_at'),
  },
  (table) => [
    uniqueIndex('notifications_once_key').on(table.streamId, table.kind, table.userId),
    index('notifications_by_user').on(table.userId, table.notificationId),
    index('notifications_unread')
      .on(table.userId, table.notificationId)
      .where(sql`read_at is null`),
  ],
)

/** The kinds of notices that a user does not want. A user without a row wants all. */
export const noticePreferences = pgTable('notice_preferences', {
  userId: userOf('user_id').primaryKey(),
  mutedKinds: text('muted_kinds').array().$type<AnnouncementKind[]>().notNull(),
})
