/** The tables of the platform's moderation, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import { createdAt, moment, users } from './account-schema.ts'
import type { AuditAction } from './rules/audit-action.ts'
import type { ReportKind } from './rules/report-kind.ts'
import { streamOf, userOf } from './stream-schema.ts'

/** What a user reported, as it was then. Its first version had messages of chats only. */
export const reports = pgTable(
  'chat_reports',
  {
    reportId: uuid('report_id').primaryKey(),
    kind: text('kind').$type<ReportKind>().notNull().default('message'),
    /** Id of the user, the broadcast, the recording, or the entry of the chat. */
    subjectId: uuid('entry_id').notNull(),
    /** The broadcast that it belongs to; `null` for a user. */
    streamId: streamOf('stream_id'),
    /** Who is responsible for it. */
    userId: userOf('user_id').notNull(),
    reporterId: userOf('reporter_id').notNull(),
    /** The message, the title or the name. */
    text: text('text').notNull(),
    reason: text('reason').notNull(),
    /** When a moderator of the platform settled it; `null`: it is open. */
    closedAt: moment('closed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('chat_reports_key').on(table.subjectId, table.reporterId),
    index('chat_reports_by_stream').on(table.streamId, table.reportId),
    index('chat_reports_open')
      .on(table.reportId)
      .where(sql`closed_at is null`),
    index('chat_reports_by_user').on(table.userId),
    index('chat_reports_by_reporter').on(table.reporterId),
  ],
)

/** What moderators and admins did. It names users by id only, so that a deleted account leaves no name. */
export const auditEntries = pgTable(
  'audit_entries',
  {
    entryId: uuid('entry_id').primaryKey(),
    /** `null`: an operator at the command line, or an account that is deleted. */
    actorId: uuid('actor_id').references(() => users.userId, { onDelete: 'set null' }),
    action: text('action').$type<AuditAction>().notNull(),
    targetKind: text('target_kind').$type<ReportKind>().notNull(),
    targetId: uuid('target_id').notNull(),
    /** Why, or what was chosen. */
    reason: text('reason').notNull(),
    /** The network address that the actor called from; `null`: the command line, or a deleted account. */
    address: text('address'),
    createdAt: createdAt(),
  },
  (table) => [index('audit_entries_by_actor').on(table.actorId), index('audit_entries_by_age').on(table.createdAt)],
)
