import { lt, sql } from 'drizzle-orm'

import type { Db, Tx } from '../../../ports/database.ts'
import { stripeEvents } from '../../schema.ts'

/** How long ids of events are kept, in days; Stripe repeats an event for three. */
const KEPT_DAYS = 30

/** Records an event in the transaction that applies it; returns false where it was applied before. */
export async function recordEvent(tx: Tx, eventId: string, type: string): Promise<boolean> {
  const rows = await tx
    .insert(stripeEvents)
    .values({ eventId, type })
    .onConflictDoNothing()
    .returning({ id: stripeEvents.eventId })
  return rows.length > 0
}

/** Deletes the ids of events that Stripe does not repeat any more. */
export async function deleteOldEvents(db: Db): Promise<void> {
  await db.delete(stripeEvents).where(lt(stripeEvents.createdAt, sql`now() - make_interval(days => ${KEPT_DAYS})`))
}
