/** The tables of notices, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import { createdAt, moment } from './account-schema.ts'
import type { Language } from '../web/messages.ts'
import { SENT_BY_DEFAULT, type AnnouncementKind, type NoticeChannel, type NoticeKind } from './rules/notice-kind.ts'
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
    /** The start that `soon` was announced for: one that is moved is announced again. */
    plannedFor: moment('planned_for'),
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

/** How the notices of a broadcast and kind are sent beside the page, in batches, once they are written. */
export const noticeDeliveries = pgTable(
  'notice_deliveries',
  {
    streamId: streamOf('stream_id').notNull(),
    kind: text('kind').$type<NoticeKind>().notNull(),
    channel: text('channel').$type<NoticeChannel>().notNull(),
    /** The user up to whom messages are enqueued; `null`: none is. */
    afterUser: uuid('after_user'),
    /** When the last batch was enqueued: the delivery that has waited for longest is next. */
    touchedAt: moment('touched_at').notNull().defaultNow(),
    doneAt: moment('done_at'),
  },
  (table) => [
    primaryKey({ columns: [table.streamId, table.kind, table.channel] }),
    index('notice_deliveries_open')
      .on(table.channel, table.touchedAt)
      .where(sql`done_at is null`),
  ],
)

/** The kinds of notices that a user does not want at all, and those that are sent to the user. */
export const noticePreferences = pgTable('notice_preferences', {
  userId: userOf('user_id').primaryKey(),
  mutedKinds: text('muted_kinds').array().$type<AnnouncementKind[]>().notNull(),
  emailKinds: text('email_kinds')
    .array()
    .$type<NoticeKind[]>()
    .notNull()
    .default([...SENT_BY_DEFAULT.email]),
  pushKinds: text('push_kinds')
    .array()
    .$type<NoticeKind[]>()
    .notNull()
    .default([...SENT_BY_DEFAULT.push]),
})

/** Where the faults of a user's broadcasts are sent as webhooks. Without a row, they are not. */
export const faultWebhooks = pgTable('fault_webhooks', {
  userId: userOf('user_id').primaryKey(),
  url: text('url').notNull(),
  /** The id of the secret that signs them; the secret itself is derived from it and not stored. */
  secretId: uuid('secret_id').notNull(),
  createdAt: createdAt(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
})

/** A browser that shows the notices of a user. Its push service knows it by the endpoint, which is a secret. */
export const pushSubscriptions = pgTable(
  'push_subscriptions',
  {
    subscriptionId: uuid('subscription_id').primaryKey(),
    userId: userOf('user_id').notNull(),
    /** The session that added it last, whose end deletes it; an expired one does not. */
    sessionId: uuid('session_id').notNull(),
    /** SHA-256 of the endpoint, in hex. */
    endpointHash: text('endpoint_hash').notNull(),
    endpoint: text('endpoint').notNull(),
    /** The keys of the browser (RFC 8291), in base64url. */
    p256dh: text('p256dh').notNull(),
    auth: text('auth').notNull(),
    /** The public key of the gateway that it was made for. No other one may push. */
    serverKey: text('server_key').notNull(),
    userAgent: text('user_agent').notNull(),
    language: text('language').$type<Language>().notNull(),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('push_subscriptions_endpoint_key').on(table.endpointHash),
    index('push_subscriptions_by_user').on(table.userId, table.updatedAt),
    index('push_subscriptions_by_session').on(table.sessionId),
  ],
)

/** Pushes that wait to be sent; a sent one is deleted. */
export const pushes = pgTable(
  'pushes',
  {
    pushId: uuid('push_id').primaryKey(),
    subscriptionId: uuid('subscription_id')
      .notNull()
      .references(() => pushSubscriptions.subscriptionId, { onDelete: 'cascade' }),
    notificationId: uuid('notification_id')
      .notNull()
      .references(() => notifications.notificationId, { onDelete: 'cascade' }),
    attempts: integer('attempts').notNull().default(0),
    /** When the next attempt may begin; while one goes on, when its lease ends. */
    dueAt: moment('due_at').notNull().defaultNow(),
    /** The gateway that sends it. */
    takenBy: text('taken_by'),
    /** After this it is of no use. */
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    uniqueIndex('pushes_once_key').on(table.notificationId, table.subscriptionId),
    index('pushes_by_subscription').on(table.subscriptionId),
    index('pushes_by_due').on(table.dueAt),
  ],
)
