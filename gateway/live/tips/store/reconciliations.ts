import { and, eq, isNull, or, sql } from 'drizzle-orm'

import type { Db, DbOrTx } from '../../../ports/database.ts'
import { tipReconciliations, transactions } from '../../schema.ts'
import type { Transaction } from '../../store/transactions.ts'

/** The hour (UTC) from which the comparison of a day may run, and after how long one that broke off runs again. */
const FIRST_HOUR = 3
const RETRY_HOURS = 1

/** Claims the comparison of this day for one gateway; returns the day, or `null` where it is not due. */
export async function claimReconciliation(db: Db): Promise<string | null> {
  const rows = await db.execute<{ day: string }>(sql`
    insert into ${tipReconciliations} (day)
    select (now() at time zone 'utc')::date where extract(hour from now() at time zone 'utc') >= ${FIRST_HOUR}
    on conflict (day) do update set started_at = now()
      where ${tipReconciliations.finishedAt} is null
        and ${tipReconciliations.startedAt} < now() - make_interval(hours => ${RETRY_HOURS})
    returning day::text as day`)
  return rows[0]?.day ?? null
}

/** Records the result of the comparison of a day. */
export async function finishReconciliation(
  db: Db,
  day: string,
  result: { readonly checked: number; readonly differences: number },
): Promise<void> {
  await db
    .update(tipReconciliations)
    .set({ ...result, finishedAt: sql`now()` })
    .where(eq(tipReconciliations.day, day))
}

/** A payment as Stripe names it, and the tip that it says it is for. */
export type PaymentRef = { readonly paymentIntent: string; readonly transactionId: string | null }

/** Returns the tips of payments, also those whose answer from Stripe was lost. */
export function listTransactionsOf(db: DbOrTx, refs: readonly PaymentRef[]): Promise<Transaction[]> {
  const among = (values: readonly (string | null)[]) =>
    sql`(select value from json_array_elements_text(${JSON.stringify(values)}::json) as value)`
  return db
    .select()
    .from(transactions)
    .where(
      or(
        sql`${transactions.paymentIntent} in ${among(refs.map(({ paymentIntent }) => paymentIntent))}`,
        and(
          isNull(transactions.paymentIntent),
          sql`${transactions.transactionId}::text in ${among(refs.map(({ transactionId }) => transactionId))}`,
        ),
      ),
    )
}

/** A window of time, and after which tip to go on. */
export type PaidPage = {
  readonly fromSec: number
  readonly toSec: number
  readonly after: string | null
  readonly limit: number
}

/** Returns paid tips that were made in a window of time (Unix time), oldest first. */
export function listPaid(db: DbOrTx, { fromSec, toSec, after, limit }: PaidPage): Promise<PaymentRef[]> {
  const { transactionId, paymentIntent, status, createdAt } = transactions
  return db
    .select({ transactionId, paymentIntent: sql<string>`${paymentIntent}` })
    .from(transactions)
    .where(
      and(
        sql`${createdAt} between to_timestamp(${fromSec}) and to_timestamp(${toSec})`,
        sql`${status} not in ('pending', 'failed', 'canceled')`,
        after === null ? undefined : sql`${transactionId} > ${after}`,
      ),
    )
    .orderBy(transactionId)
    .limit(limit)
}
