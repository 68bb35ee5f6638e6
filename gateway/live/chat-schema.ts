/** The tables of chat, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { boolean, index, integer, json, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import { createdAt, moment } from './account-schema.ts'
import type { ChatEntryKind, ChatRole, RoomChange } from './rules/chat-entry.ts'
import { streamOf, userOf } from './stream-schema.ts'

/** The chat of a broadcast. Its row is locked while entries are written, so that they have one order without gaps. */
export const chatRooms = pgTable(
  'chat_rooms',
  {
    streamId: streamOf('stream_id').primaryKey(),
    /** Number of the newest entry; 0 before the first one. */
    lastSeq: integer('last_seq').notNull().default(0),
    /** Entries up to this one are deleted: a room without later ones has nothing to delete. */
    deletedSeq: integer('deleted_seq').notNull().default(0),
    /** Seconds between two messages of one user; 0: the general limit only. */
    slowModeSec: integer('slow_mode_sec').notNull().default(0),
    /** Whether only followers of the owner may write. */
    isFollowersOnly: boolean('is_followers_only').notNull().default(false),
    /** Words that no message may have, in lower case. */
    blockedWords: text('blocked_words').array().notNull().default([]),
    pinnedSeq: integer('pinned_seq'),
  },
  (table) => [
    index('chat_rooms_with_entries')
      .on(table.streamId)
      .where(sql`deleted_seq < last_seq`),
  ],
)

/** What happened in a chat, in its order: messages, and what moderators did. */
export const chatEntries = pgTable(
  'chat_entries',
  {
    streamId: streamOf('stream_id').notNull(),
    /** 1, 2, 3, … without gaps; visible in this order, since the row of the room is locked. */
    seq: integer('seq').notNull(),
    entryId: uuid('entry_id').notNull(),
    kind: text('kind').$type<ChatEntryKind>().notNull(),
    /** Who wrote the message, or did what it records. */
    userId: userOf('user_id').notNull(),
    role: text('role').$type<ChatRole>().notNull(),
    /** Of a message or a tip; empty once it is deleted. */
    text: text('text').notNull().default(''),
    /** Makes a message that is sent again the same one. */
    nonce: text('nonce'),
    /** What an entry is that is no message. */
    change: json('change').$type<RoomChange>(),
    isDeleted: boolean('is_deleted').notNull().default(false),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.streamId, table.seq] }),
    uniqueIndex('chat_entries_id_key').on(table.entryId),
    uniqueIndex('chat_entries_nonce_key').on(table.streamId, table.userId, table.nonce),
    index('chat_entries_by_user').on(table.userId),
    index('chat_entries_of_room')
      .on(table.streamId)
      .where(sql`kind = 'room'`),
  ],
)

/** How often a user may write in a chat. */
export const chatSenders = pgTable(
  'chat_senders',
  {
    streamId: streamOf('stream_id').notNull(),
    userId: userOf('user_id').notNull(),
    /** When all that was sent is paid for, at one message a second. */
    paidUntil: moment('paid_until').notNull(),
    lastAt: moment('last_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.streamId, table.userId] }), index('chat_senders_by_user').on(table.userId)],
)

/** Who may not write in the chats of a channel, by its owner. */
export const chatBans = pgTable(
  'chat_bans',
  {
    ownerId: userOf('owner_id').notNull(),
    userId: userOf('user_id').notNull(),
    /** The end of a time-out; `null`: banned for good. */
    until: moment('until'),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.ownerId, table.userId] }), index('chat_bans_by_user').on(table.userId)],
)

/** Who moderates the chats of a channel beside its owner. */
export const chatModerators = pgTable(
  'chat_moderators',
  {
    ownerId: userOf('owner_id').notNull(),
    userId: userOf('user_id').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.ownerId, table.userId] }),
    index('chat_moderators_by_user').on(table.userId),
  ],
)

/** Whose messages a user does not want to see. */
export const userBlocks = pgTable(
  'user_blocks',
  {
    userId: userOf('user_id').notNull(),
    blockedId: userOf('blocked_id').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.blockedId] }),
    index('user_blocks_by_blocked').on(table.blockedId),
  ],
)
