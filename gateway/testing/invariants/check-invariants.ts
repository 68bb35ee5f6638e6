import type { Sql } from 'postgres'

import { ASSIGNMENT_INVARIANTS } from './assignment-invariants.ts'
import type { Invariant } from './invariant.ts'
import { JOB_INVARIANTS } from './job-invariants.ts'
import { LIVE_INVARIANTS } from './live-invariants.ts'
import { MONITOR_INVARIANTS } from './monitor-invariants.ts'
import { OUTBOX_INVARIANTS, REAL_EVENT_INVARIANTS } from './outbox-invariants.ts'
import type { Delivery } from '../receiver.ts'

/** Builds the invariants that received bodies equal created ones byte for byte, and that delivered events arrived. */
function buildReceiverInvariants(received: readonly Pick<Delivery, 'body'>[]): readonly Invariant[] {
  const bodies = [...new Set(received.map(({ body }) => body))]
  return [
    {
      rule: 'every received body was created byte for byte',
      findViolations: (sql) => sql`
        select body from unnest(${bodies}::text[]) body where body not in (select body from outbox_events)`,
    },
    {
      rule: 'every delivered event was received',
      findViolations: (sql) => sql`
        select event_id from outbox_events where status = 'delivered' and body <> all(${bodies}::text[])`,
    },
  ]
}

/**
 * Checks the invariants of a database. `received` are all deliveries to a receiver, `realWorkers` adds the invariants
 * of real workers.
 * @throws Error with every violated rule and the violating rows
 */
export async function checkInvariants(
  sql: Sql,
  options: { readonly realWorkers: boolean; readonly received?: readonly Pick<Delivery, 'body'>[] },
): Promise<void> {
  const always = [...MONITOR_INVARIANTS, ...OUTBOX_INVARIANTS, ...JOB_INVARIANTS, ...LIVE_INVARIANTS]
  const receiverInvariants = options.received === undefined ? [] : buildReceiverInvariants(options.received)
  const rules = [
    ...always,
    ...(options.realWorkers ? [...ASSIGNMENT_INVARIANTS, ...REAL_EVENT_INVARIANTS] : []),
    ...receiverInvariants,
  ]
  const violations: object[] = []
  // One after the other, over one connection: to open one costs more than a query.
  for (const { rule, findViolations } of rules) {
    const rows = await findViolations(sql)
    if (rows.length > 0) violations.push({ rule, rows })
  }
  if (violations.length > 0) throw new Error(`invariants are violated: ${JSON.stringify(violations, null, 2)}`)
}
