import { and, eq, isNotNull, sql } from 'drizzle-orm'

import { deleteInBatches } from '../../database/delete-in-batches.ts'
import type { Tx } from '../../ports/database.ts'
import { outboxEvents, outboxLanes } from '../schema.ts'
import type { NewEvent } from './events.ts'

/** Where the pending webhooks of a lane go from now on, and what signs them. */
export type WebhookAddress = Pick<NewEvent, 'url' | 'signingKeyId'>

/**
 * Changes the receiver and the secret of the pending events of a lane, which are tried at once, from their first attempt.
 * Their ids and bytes do not change.
 */
export async function redirectPending(tx: Tx, subject: string, { url, signingKeyId }: WebhookAddress): Promise<void> {
  await lockLane(tx, subject)
  await tx
    .update(outboxEvents)
    .set({ url, signingKeyId, attempts: 0 })
    .where(and(eq(outboxEvents.subject, subject), eq(outboxEvents.status, 'pending')))
  await tx
    .update(outboxLanes)
    .set({ dueAt: sql`now()` })
    .where(and(eq(outboxLanes.subject, subject), isNotNull(outboxLanes.dueAt)))
}

/** Deletes a lane with its events: none of them is sent any more, except what is on its way. */
export async function deleteLane(tx: Tx, subject: string): Promise<void> {
  await lockLane(tx, subject)
  await deleteInBatches(tx, outboxEvents, sql`${outboxEvents.subject} = ${subject}`)
  await tx.delete(outboxLanes).where(eq(outboxLanes.subject, subject))
}

/** Locks a lane: no event is numbered, taken or recorded in it until the transaction ends. */
async function lockLane(tx: Tx, subject: string): Promise<void> {
  await tx.select().from(outboxLanes).where(eq(outboxLanes.subject, subject)).for('update')
}
