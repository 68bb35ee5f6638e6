/** The tables of accounts, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import type { Language } from '../web/messages.ts'
import type { Role } from './roles.ts'

/** What a link in a mail is for. */
export type LinkPurpose = 'verify_email' | 'reset_password'

/** Returns a column with a moment in time. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })
/** Returns the column with the time at which a row was made. */
export const createdAt = () => moment('created_at').notNull().defaultNow()
const userOf = (name: string) => uuid(name).references(() => users.userId, { onDelete: 'cascade' })

export const users = pgTable(
  'users',
  {
    userId: uuid('user_id').primaryKey(),
    username: text('username').notNull(),
    email: text('email').notNull(),
    /** When its user proved to get what is sent to this address; `null`: not yet. */
    emailVerifiedAt: moment('email_verified_at'),
    /** A PHC string. */
    passwordHash: text('password_hash').notNull(),
    /** What the channel is about; `null`: its user has not written it. */
    about: text('about'),
    /** The language of the last sign-in, for mails that no request causes. */
    language: text('language').$type<Language>().notNull().default('en'),
    role: text('role').$type<Role>().notNull().default('user'),
    /** Since when the user may not sign in, and why; `null`: the account is open. */
    suspendedAt: moment('suspended_at'),
    suspensionReason: text('suspension_reason'),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('users_username_key').on(sql`lower(${table.username} collate "C")`),
    uniqueIndex('users_email_key').on(sql`lower(${table.email} collate "C")`),
  ],
)

/** A token is valid as long as its session has a row. */
export const sessions = pgTable(
  'sessions',
  {
    sessionId: uuid('session_id').primaryKey(),
    userId: userOf('user_id').notNull(),
    /** Where it was begun, for its owner. */
    address: text('address').notNull(),
    userAgent: text('user_agent').notNull(),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [index('sessions_by_user').on(table.userId), index('sessions_by_expiry').on(table.expiresAt)],
)

/** Failed logins, and requests for mails, of one account or one address within a window of time. */
export const loginFailures = pgTable(
  'login_failures',
  {
    key: text('key').primaryKey(),
    failures: integer('failures').notNull(),
    windowEndsAt: moment('window_ends_at').notNull(),
  },
  (table) => [index('login_failures_by_end').on(table.windowEndsAt)],
)

/** Links that were sent by e-mail. A used one is kept until it expires, so that a mail that is sent again revives none. */
export const accountLinks = pgTable(
  'account_links',
  {
    /** SHA-256 of the token in the link, in hex. */
    tokenHash: text('token_hash').primaryKey(),
    userId: userOf('user_id').notNull(),
    purpose: text('purpose').$type<LinkPurpose>().notNull(),
    /** The address that it was sent to. */
    email: text('email').notNull(),
    usedAt: moment('used_at'),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [index('account_links_by_user').on(table.userId), index('account_links_by_expiry').on(table.expiresAt)],
)

/** An invitation is used by deleting its row. */
export const invitations = pgTable(
  'invitations',
  {
    /** SHA-256 of the code, in hex. */
    codeHash: text('code_hash').primaryKey(),
    createdBy: userOf('created_by').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [index('invitations_by_expiry').on(table.expiresAt)],
)
