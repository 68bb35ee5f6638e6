import { and, asc, eq, gt, inArray, isNotNull, lte, sql } from 'drizzle-orm'

import { dueAt, type DueInMs } from '../../database/due-times.ts'
import type { Db, DbOrTx } from '../../ports/database.ts'
import { mails } from '../schema.ts'

export type QueuedMail = Pick<typeof mails.$inferSelect, 'mailId' | 'kind' | 'params' | 'attempts' | 'expiresAt'>

const COLUMNS = {
  mailId: mails.mailId,
  kind: mails.kind,
  params: mails.params,
  attempts: mails.attempts,
  expiresAt: mails.expiresAt,
}

/** Inserts a mail that is due at once and expires in `lifeSec` seconds. */
export async function insertMail(
  tx: DbOrTx,
  mail: Pick<QueuedMail, 'mailId' | 'kind' | 'params'>,
  lifeSec: number,
): Promise<void> {
  await tx.insert(mails).values({ ...mail, expiresAt: sql`now() + make_interval(secs => ${lifeSec})` })
}

/** Takes at most `limit` due mails for `leaseSec` seconds, the longest due first; each counts as an attempt. */
export function takeDueMails(db: Db, owner: string, limit: number, leaseSec: number): Promise<QueuedMail[]> {
  const due = db
    .select({ mailId: mails.mailId })
    .from(mails)
    .where(and(lte(mails.dueAt, sql`now()`), gt(mails.expiresAt, sql`now()`)))
    .orderBy(asc(mails.dueAt))
    .limit(limit)
    .for('update', { skipLocked: true })
  return db
    .update(mails)
    .set({
      attempts: sql`${mails.attempts} + 1`,
      dueAt: sql`now() + make_interval(secs => ${leaseSec})`,
      takenBy: owner,
    })
    .where(inArray(mails.mailId, due))
    .returning(COLUMNS)
}

/** Deletes a mail that is done with. */
export async function deleteMail(db: Db, mailId: string): Promise<void> {
  await db.delete(mails).where(eq(mails.mailId, mailId))
}

/** Makes a mail due again in `inMs`. */
export async function postponeMail(db: Db, mailId: string, inMs: number): Promise<void> {
  await db
    .update(mails)
    .set({ dueAt: sql`now() + make_interval(secs => ${inMs / 1000})`, takenBy: null })
    .where(eq(mails.mailId, mailId))
}

/** When the next mail is due. */
export const MAIL_DUE_IN_MS: DueInMs = dueAt(
  sql`(select min(${mails.dueAt}) from ${mails} where ${mails.expiresAt} > now())`,
)

/** Returns in how many ms the next mail becomes due; `null` where none waits. */
export async function nextMailInMs(db: Db): Promise<number | null> {
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${mails.dueAt}) - now()) * 1000)::float8` })
    .from(mails)
    .where(gt(mails.expiresAt, sql`now()`))
  return row?.ms ?? null
}

/** Returns the gateways that send mails. */
export async function listMailOwners(db: Db): Promise<string[]> {
  const rows = await db.selectDistinct({ owner: mails.takenBy }).from(mails).where(isNotNull(mails.takenBy))
  return rows.flatMap(({ owner }) => owner ?? [])
}

/** Makes the mails of gateways that are known to be dead due at once, so that their leases need not expire. */
export async function freeMailsOf(db: Db, owners: readonly string[]): Promise<void> {
  if (owners.length === 0) return
  await db
    .update(mails)
    .set({ dueAt: sql`now()`, takenBy: null })
    .where(inArray(mails.takenBy, [...owners]))
}

/** Deletes the mails that have expired; returns how many these are. */
export async function deleteExpiredMails(db: Db): Promise<number> {
  const deleted = await db
    .delete(mails)
    .where(lte(mails.expiresAt, sql`now()`))
    .returning({ mailId: mails.mailId })
  return deleted.length
}
