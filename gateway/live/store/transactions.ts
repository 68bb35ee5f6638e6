import { and, desc, eq, isNotNull, lt, or, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { payoutAccounts, transactions, users } from '../schema.ts'
import type { TipFacts, TipStatus } from '../rules/tip-status.ts'

export type Transaction = typeof transactions.$inferSelect
export type NewTransaction = typeof transactions.$inferInsert

/** A tip with the names of those who are still there. */
export type NamedTransaction = {
  readonly transaction: Transaction
  readonly sender: string | null
  readonly receiver: string | null
}

const senders = alias(users, 'senders')
const receivers = alias(users, 'receivers')

function selectNamed(db: DbOrTx) {
  return db
    .select({ transaction: transactions, sender: senders.username, receiver: receivers.username })
    .from(transactions)
    .leftJoin(senders, eq(senders.userId, transactions.senderId))
    .leftJoin(receivers, eq(receivers.userId, transactions.receiverId))
}

/** Inserts a tip; returns false where its sender has one with this Idempotency-Key. */
export async function insertTransaction(tx: Tx, row: NewTransaction): Promise<boolean> {
  const rows = await tx
    .insert(transactions)
    .values(row)
    .onConflictDoNothing()
    .returning({ id: transactions.transactionId })
  return rows.length > 0
}

/** Returns the tip of an Idempotency-Key of its sender, or `null`. */
export async function findTransactionOfKey(db: DbOrTx, senderId: string, key: string): Promise<Transaction | null> {
  const [row] = await db
    .select()
    .from(transactions)
    .where(and(eq(transactions.senderId, senderId), eq(transactions.idempotencyKey, key)))
  return row ?? null
}

/** Returns a tip that a user has sent or gets, or `null`. */
export async function findTransaction(
  db: DbOrTx,
  transactionId: string,
  userId: string,
): Promise<NamedTransaction | null> {
  const [row] = await selectNamed(db).where(and(eq(transactions.transactionId, transactionId), isOf(userId)))
  return row ?? null
}

function isOf(userId: string): SQL | undefined {
  return and(
    isNotNull(transactions.paymentIntent),
    or(eq(transactions.senderId, userId), eq(transactions.receiverId, userId)),
  )
}

/** Which tips of a user to read: those before one, newest first. */
export type TransactionPage = { readonly before: string | null; readonly limit: number }

/** Returns the tips that a user has sent or gets, newest first. */
export function readTransactionPage(
  db: DbOrTx,
  userId: string,
  { before, limit }: TransactionPage,
): Promise<NamedTransaction[]> {
  const older = before === null ? undefined : lt(transactions.transactionId, before)
  return selectNamed(db)
    .where(and(isOf(userId), older))
    .orderBy(desc(transactions.transactionId))
    .limit(limit)
}

/** Returns how many tips of a user are not paid, of those of the last `sinceSec` seconds. */
export async function countUnpaid(tx: Tx, senderId: string, sinceSec: number): Promise<number> {
  return tx.$count(
    transactions,
    and(
      eq(transactions.senderId, senderId),
      sql`${transactions.status} in ('pending', 'failed', 'canceled')`,
      sql`${transactions.createdAt} > now() - make_interval(secs => ${sinceSec})`,
    ),
  )
}

/** Records the PaymentIntent of a tip; one that is recorded stays. */
export async function attachIntent(db: DbOrTx, transactionId: string, paymentIntent: string): Promise<void> {
  await db
    .update(transactions)
    .set({ paymentIntent: sql`coalesce(${transactions.paymentIntent}, ${paymentIntent})` })
    .where(eq(transactions.transactionId, transactionId))
}

/** Counts a call that failed, once, where `failedCalls` had failed before it. */
export async function countFailedCall(db: DbOrTx, transactionId: string, failedCalls: number): Promise<void> {
  await db
    .update(transactions)
    .set({ failedCalls: failedCalls + 1 })
    .where(and(eq(transactions.transactionId, transactionId), eq(transactions.failedCalls, failedCalls)))
}

/** Returns the tip of a PaymentIntent and locks its row; `transactionId` finds one whose answer from Stripe was lost. */
export async function lockTransaction(
  tx: Tx,
  paymentIntent: string,
  transactionId: string | null,
): Promise<Transaction | null> {
  const isUnanswered =
    transactionId === null
      ? undefined
      : and(eq(transactions.transactionId, transactionId), sql`${transactions.paymentIntent} is null`)
  const [row] = await tx
    .select()
    .from(transactions)
    .where(or(eq(transactions.paymentIntent, paymentIntent), isUnanswered))
    .for('update')
  return row ?? null
}

/** What is recorded of a tip that Stripe has stated something of. */
export type RecordedFacts = {
  readonly paymentIntent: string
  readonly facts: TipFacts
  readonly status: TipStatus
  readonly isShown: boolean
}

/** Records the facts of a tip whose row is locked. */
export async function recordFacts(tx: Tx, transactionId: string, recorded: RecordedFacts): Promise<void> {
  const { isShown, ...facts } = recorded
  const shownAt = isShown ? { shownAt: sql`coalesce(${transactions.shownAt}, now())` } : {}
  await tx
    .update(transactions)
    .set({ ...facts, ...shownAt, updatedAt: sql`now()` })
    .where(eq(transactions.transactionId, transactionId))
}

/** Removes what a user wrote with tips, before the user is deleted; the amounts stay for the books. */
export async function forgetMessages(tx: Tx, senderId: string): Promise<void> {
  await tx.update(transactions).set({ message: '' }).where(eq(transactions.senderId, senderId))
}

/** Returns the connected account of a user, or `null`. */
export async function findPayoutAccount(db: DbOrTx, userId: string): Promise<string | null> {
  const [row] = await db
    .select({ id: payoutAccounts.accountId })
    .from(payoutAccounts)
    .where(eq(payoutAccounts.userId, userId))
  return row?.id ?? null
}

/** Sets the connected account of a user, or removes it. */
export async function putPayoutAccount(db: DbOrTx, userId: string, accountId: string | null): Promise<void> {
  if (accountId === null) {
    await db.delete(payoutAccounts).where(eq(payoutAccounts.userId, userId))
    return
  }
  const change = { accountId, updatedAt: sql`now()` }
  await db
    .insert(payoutAccounts)
    .values({ userId, accountId })
    .onConflictDoUpdate({ target: payoutAccounts.userId, set: change })
}
