import { eq, inArray, or, sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import type { MessageQueue } from '../../queue/store/messages.ts'
import { mails } from '../schema.ts'

export type QueuedMail = Pick<typeof mails.$inferSelect, 'mailId' | 'kind' | 'params' | 'attempts' | 'expiresAt'>

/** The mails that wait: those of many receivers after all others, those that have been due for longest first. */
export const MAIL_QUEUE: MessageQueue<QueuedMail> = {
  table: mails,
  id: mails.mailId,
  columns: {
    mailId: mails.mailId,
    kind: mails.kind,
    params: mails.params,
    attempts: mails.attempts,
    expiresAt: mails.expiresAt,
  },
  order: [mails.isBulk, mails.dueAt],
}

/** Returns the queue of the mails of these kinds: a newer gateway may have enqueued others, which it sends itself. */
export function mailQueueOf(kinds: readonly string[]): MessageQueue<QueuedMail> {
  return { ...MAIL_QUEUE, isKnown: inArray(mails.kind, [...kinds]) }
}

/** Inserts a mail that is due at once and expires in `lifeSec` seconds. */
export async function insertMail(
  tx: DbOrTx,
  mail: Pick<QueuedMail, 'mailId' | 'kind' | 'params'>,
  lifeSec: number,
): Promise<void> {
  await tx.insert(mails).values({ ...mail, expiresAt: sql`now() + make_interval(secs => ${lifeSec})` })
}

/** Inserts mails of one kind to many receivers; those that are there already are left out. */
export async function insertBulkMails(
  tx: DbOrTx,
  kind: string,
  rows: readonly Pick<QueuedMail, 'mailId' | 'params' | 'expiresAt'>[],
): Promise<void> {
  if (rows.length === 0) return
  await tx
    .insert(mails)
    .values(rows.map((row) => ({ ...row, kind, isBulk: true })))
    .onConflictDoNothing()
}

/** Deletes the waiting mails of which a param is one of these values, in any case. */
export async function deleteMailsOf(tx: DbOrTx, params: QueuedMail['params']): Promise<void> {
  const conditions = Object.entries(params).map(
    ([name, value]) => sql`lower(${mails.params} ->> ${name}) = lower(${value})`,
  )
  await tx.delete(mails).where(or(...conditions))
}

/** Returns how many mails to many receivers wait, at most `limit`. */
export async function countBulkMails(db: DbOrTx, limit: number): Promise<number> {
  const rows = await db.select({ id: mails.mailId }).from(mails).where(eq(mails.isBulk, true)).limit(limit)
  return rows.length
}
