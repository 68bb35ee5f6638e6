import { boolean, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/**
 * Mails that wait to be sent; a sent one is deleted. A row says what a mail is about, not what it says: the text, which may
 * hold a secret, is composed for each attempt.
 */
export const mails = pgTable(
  'mails',
  {
    mailId: uuid('mail_id').primaryKey(),
    kind: text('kind').notNull(),
    params: jsonb('params').$type<Readonly<Record<string, string>>>().notNull(),
    /** Whether it is one of many of the same kind, which must not delay others. */
    isBulk: boolean('is_bulk').notNull().default(false),
    attempts: integer('attempts').notNull().default(0),
    /** When the next attempt may begin; while one goes on, when its lease ends. */
    dueAt: moment('due_at').notNull().defaultNow(),
    /** The gateway that sends it. */
    takenBy: text('taken_by'),
    /** After this it is of no use. */
    expiresAt: moment('expires_at').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [index('mails_by_due').on(table.dueAt), index('mails_by_expiry').on(table.expiresAt)],
)
