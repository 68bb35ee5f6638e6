import { eq, sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import { SENT_BY_DEFAULT } from '../rules/notice-kind.ts'
import { noticePreferences, users } from '../schema.ts'

/** The kinds of notices that a user does not want at all, and those that are sent to the user. */
export type ChosenKinds = Omit<typeof noticePreferences.$inferSelect, 'userId'>

const DEFAULTS: ChosenKinds = {
  mutedKinds: [],
  emailKinds: [...SENT_BY_DEFAULT.email],
  pushKinds: [...SENT_BY_DEFAULT.push],
}

/** Returns the kinds of notices that a user has chosen. */
export async function readPreferences(db: DbOrTx, userId: string): Promise<ChosenKinds> {
  const [row] = await db
    .select({
      mutedKinds: noticePreferences.mutedKinds,
      emailKinds: noticePreferences.emailKinds,
      pushKinds: noticePreferences.pushKinds,
    })
    .from(noticePreferences)
    .where(eq(noticePreferences.userId, userId))
  return row ?? DEFAULTS
}

/** Changes which kinds of notices a user has chosen, unless the user is gone. */
export async function putPreferences(db: DbOrTx, userId: string, change: Partial<ChosenKinds>): Promise<void> {
  const chosen = { ...DEFAULTS, ...change }
  await db
    .insert(noticePreferences)
    .select(
      db
        .select({
          userId: users.userId,
          mutedKinds: arrayOf(chosen.mutedKinds).as('muted_kinds'),
          emailKinds: arrayOf(chosen.emailKinds).as('email_kinds'),
          pushKinds: arrayOf(chosen.pushKinds).as('push_kinds'),
        })
        .from(users)
        .where(eq(users.userId, userId))
        .for('key share'),
    )
    .onConflictDoUpdate({ target: noticePreferences.userId, set: change })
}

function arrayOf(kinds: readonly string[]) {
  return sql`array(select json_array_elements_text(${JSON.stringify(kinds)}::json))`
}
