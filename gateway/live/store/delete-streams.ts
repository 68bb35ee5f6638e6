/** Deletes what grows without bound with a channel, in statements that stay below the statement timeout. */

import { eq } from 'drizzle-orm'

import { deleteInBatches } from '../../database/delete-in-batches.ts'
import type { Tx } from '../../ports/database.ts'
import { chatEntries, follows, notifications, segments, streams } from '../schema.ts'

/** The tables with many rows of one broadcast. The rows of the others are deleted with the broadcast's own row. */
const LARGE_TABLES = [segments, chatEntries, notifications]

/** Deletes a broadcast with its rows; returns false where it is gone. */
export async function deleteStreamRows(tx: Tx, streamId: string): Promise<boolean> {
  for (const table of LARGE_TABLES) await deleteInBatches(tx, table, eq(table.streamId, streamId))
  const rows = await tx.delete(streams).where(eq(streams.streamId, streamId)).returning({ id: streams.streamId })
  return rows.length > 0
}

/** Deletes the broadcasts of a user with their rows. */
export async function deleteStreamsOf(tx: Tx, userId: string): Promise<void> {
  const rows = await tx.select({ id: streams.streamId }).from(streams).where(eq(streams.userId, userId))
  for (const { id } of rows) await deleteStreamRows(tx, id)
}

/** Deletes who follows a user. */
export async function deleteFollowersOf(tx: Tx, userId: string): Promise<void> {
  await deleteInBatches(tx, follows, eq(follows.followingId, userId))
}
