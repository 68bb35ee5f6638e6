import { sql } from 'drizzle-orm'

import { newUuid } from '../../../../shared/ids.ts'
import type { Tx } from '../../../ports/database.ts'
import { ledgerEntries } from '../../schema.ts'
import type { Movement } from '../../rules/tip-ledger.ts'

/** Writes movements of a tip: for each, both rows in one statement, without which neither is accepted. */
export async function writeMovements(
  tx: Tx,
  { transactionId, currency }: { readonly transactionId: string; readonly currency: string },
  movements: readonly Movement[],
): Promise<void> {
  if (movements.length === 0) return
  const rows = movements.map((movement) => ({ ...movement, id: newUuid() }))
  await tx.execute(sql`
    insert into ${ledgerEntries} (movement_id, side, transaction_id, kind, account, amount, currency)
    select given.id, entry.side, ${transactionId}, given.kind, entry.account, entry.side * given.amount, ${currency}
    from json_to_recordset(${JSON.stringify(rows)}::json) as given(id uuid, kind text, "from" text, "to" text, amount bigint)
    cross join lateral (values (1, given."to"), (-1, given."from")) as entry(side, account)`)
}
