/** The tables of follows, a part of `schema.ts`. */

import { boolean, index, pgTable, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import { createdAt } from './account-schema.ts'
import { userOf } from './stream-schema.ts'

/** Who follows which channel. */
export const follows = pgTable(
  'follows',
  {
    followId: uuid('follow_id').primaryKey(),
    followerId: userOf('follower_id').notNull(),
    followingId: userOf('following_id').notNull(),
    /** Whether the follower wants no notices of this channel. */
    isMuted: boolean('is_muted').notNull().default(false),
    /** Whether the follower wants no e-mail, or no push, about this channel. */
    isEmailMuted: boolean('is_email_muted').notNull().default(false),
    isPushMuted: boolean('is_push_muted').notNull().default(false),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('follows_pair_key').on(table.followerId, table.followingId),
    index('follows_by_follower').on(table.followerId, table.followId),
    index('follows_by_following').on(table.followingId, table.followId),
  ],
)
