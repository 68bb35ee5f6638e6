import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import type { Role } from './roles.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })
const createdAt = () => moment('created_at').notNull().defaultNow()
const userOf = (name: string) => uuid(name).references(() => users.userId, { onDelete: 'cascade' })

export const users = pgTable(
  'users',
  {
    userId: uuid('user_id').primaryKey(),
    username: text('username').notNull(),
    email: text('email').notNull(),
    /** A PHC string. */
    passwordHash: text('password_hash').notNull(),
    role: text('role').$type<Role>().notNull().default('user'),
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

/** Failed logins of one account or one address within a window of time. */
export const loginFailures = pgTable(
  'login_failures',
  {
    key: text('key').primaryKey(),
    failures: integer('failures').notNull(),
    windowEndsAt: moment('window_ends_at').notNull(),
  },
  (table) => [index('login_failures_by_end').on(table.windowEndsAt)],
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
