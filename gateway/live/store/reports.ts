import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm'

import { newUuid } from '../../../shared/ids.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { ReportKind } from '../rules/report-kind.ts'
import { reports, users } from '../schema.ts'

/** What is reported, as it is at the moment. */
export type ReportSubject = Pick<typeof reports.$inferSelect, 'kind' | 'subjectId' | 'streamId' | 'userId' | 'text'>

/** A reported message: its text as it was, and how many viewers reported it. */
export type ReportedMessage = {
  readonly entryId: string
  readonly userId: string
  readonly username: string
  readonly text: string
  readonly reasons: readonly string[]
  readonly lastAt: Date
}

/** All reports of one subject that are open, or all that are closed. */
export type ReportedSubject = Omit<ReportedMessage, 'entryId'> & {
  readonly kind: ReportKind
  readonly subjectId: string
  readonly streamId: string | null
  /** Id of the newest report, by which lists are ordered. */
  readonly lastReportId: string
}

/** Records that a user reports something; a second report of the user changes nothing. */
export async function insertReport(
  db: DbOrTx,
  subject: ReportSubject,
  reporterId: string,
  reason: string,
): Promise<void> {
  const { kind, subjectId, streamId, userId, text } = subject
  await db
    .insert(reports)
    .values({ reportId: newUuid(), kind, subjectId, streamId, userId, reporterId, text, reason })
    .onConflictDoNothing()
}

const LAST_AT = sql<Date>`max(${reports.createdAt})`.mapWith(reports.createdAt)
const REASONS = sql<string[]>`json_agg(${reports.reason} order by ${reports.reportId})`

/** Returns the reported messages of a chat, those that were reported last first. */
export async function listReported(db: DbOrTx, streamId: string, limit: number): Promise<ReportedMessage[]> {
  return db
    .select({
      entryId: reports.subjectId,
      userId: reports.userId,
      username: users.username,
      text: reports.text,
      reasons: REASONS,
      lastAt: LAST_AT,
    })
    .from(reports)
    .innerJoin(users, eq(users.userId, reports.userId))
    .where(and(eq(reports.streamId, streamId), eq(reports.kind, 'message')))
    .groupBy(reports.subjectId, reports.userId, users.username, reports.text)
    .orderBy(desc(LAST_AT))
    .limit(limit)
}

/** A page of a list of reports: those older than `before`, or the newest ones. */
export type ReportPage = { readonly isOpen: boolean; readonly before: string | null; readonly limit: number }

/** Returns what was reported on the platform, with the reports of each subject together, the newest first. */
export async function readReportPage(db: DbOrTx, { isOpen, before, limit }: ReportPage): Promise<ReportedSubject[]> {
  // Ids are ordered by time, and Postgres before version 18 has no `max` of them.
  const lastReportId = sql<string>`max(${reports.reportId}::text)`
  return db
    .select({
      kind: reports.kind,
      subjectId: reports.subjectId,
      streamId: reports.streamId,
      userId: reports.userId,
      username: users.username,
      text: sql<string>`(array_agg(${reports.text} order by ${reports.reportId} desc))[1]`,
      reasons: REASONS,
      lastAt: LAST_AT,
      lastReportId,
    })
    .from(reports)
    .innerJoin(users, eq(users.userId, reports.userId))
    .where(isOpen ? isNull(reports.closedAt) : isNotNull(reports.closedAt))
    .groupBy(reports.kind, reports.subjectId, reports.streamId, reports.userId, users.username)
    .having(before === null ? sql`true` : sql`${lastReportId} < ${before}`)
    .orderBy(desc(lastReportId))
    .limit(limit)
}

/** Closes the open reports of a subject; returns its kind, or `null` where it has none. */
export async function closeReportsOf(tx: Tx, subjectId: string): Promise<ReportKind | null> {
  const [closed] = await tx
    .update(reports)
    .set({ closedAt: sql`now()` })
    .where(and(eq(reports.subjectId, subjectId), isNull(reports.closedAt)))
    .returning({ kind: reports.kind })
  return closed?.kind ?? null
}

/** Returns the id of the broadcast in whose chat a reported message is; `null` where no such message was reported. */
export async function findReportedChat(db: DbOrTx, messageId: string): Promise<string | null> {
  const [row] = await db
    .select({ streamId: reports.streamId })
    .from(reports)
    .where(and(eq(reports.subjectId, messageId), eq(reports.kind, 'message')))
    .limit(1)
  return row?.streamId ?? null
}

/** Returns whether a subject was ever reported. */
export async function isReported(tx: Tx, subjectId: string): Promise<boolean> {
  return (await tx.$count(reports, eq(reports.subjectId, subjectId))) > 0
}
