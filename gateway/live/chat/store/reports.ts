import { desc, eq, sql } from 'drizzle-orm'

import { newUuid } from '../../../../shared/ids.ts'
import type { DbOrTx } from '../../../ports/database.ts'
import { chatReports, users } from '../../schema.ts'
import type { ChatEntry } from './entries.ts'

/** A reported message: its text as it was, and how many viewers reported it. */
export type ReportedMessage = {
  readonly entryId: string
  readonly userId: string
  readonly username: string
  readonly text: string
  readonly reasons: readonly string[]
  readonly lastAt: Date
}

/** Records that a user reports a message; a second report of the user changes nothing. */
export async function insertReport(db: DbOrTx, message: ChatEntry, reporterId: string, reason: string): Promise<void> {
  const { streamId, entryId, userId, text } = message
  await db
    .insert(chatReports)
    .values({ reportId: newUuid(), streamId, entryId, userId, reporterId, text, reason })
    .onConflictDoNothing()
}

/** Returns the reported messages of a chat, those that were reported last first. */
export async function listReported(db: DbOrTx, streamId: string, limit: number): Promise<ReportedMessage[]> {
  const lastAt = sql<Date>`max(${chatReports.createdAt})`.mapWith(chatReports.createdAt)
  return db
    .select({
      entryId: chatReports.entryId,
      userId: chatReports.userId,
      username: users.username,
      text: chatReports.text,
      reasons: sql<string[]>`json_agg(${chatReports.reason} order by ${chatReports.reportId})`,
      lastAt,
    })
    .from(chatReports)
    .innerJoin(users, eq(users.userId, chatReports.userId))
    .where(eq(chatReports.streamId, streamId))
    .groupBy(chatReports.entryId, chatReports.userId, users.username, chatReports.text)
    .orderBy(desc(lastAt))
    .limit(limit)
}
