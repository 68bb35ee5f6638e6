import { and, eq, inArray, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { TEXT_KINDS } from '../rules/chat-entry.ts'
import { chatEntries } from '../schema.ts'

/** Returns whether the chat of a broadcast has a message that is not deleted. */
export async function hasMessages(db: DbOrTx, streamId: string): Promise<boolean> {
  const isMessage = and(inArray(chatEntries.kind, TEXT_KINDS), eq(chatEntries.isDeleted, false))
  const rows = await db
    .select({ seq: chatEntries.seq })
    .from(chatEntries)
    .where(and(eq(chatEntries.streamId, streamId), isMessage))
    .limit(1)
  return rows.length > 0
}

/** Removes the copies of a user's messages that pinning them has made, before the messages are deleted with their user. */
export async function forgetPinned(tx: Tx, userId: string): Promise<void> {
  const written = sql`select ${chatEntries.streamId} from ${chatEntries} where ${chatEntries.userId} = ${userId}`
  await removePinned(tx, sql`in (${written})`, { userId })
}

/** Removes the copies of deleted messages of a chat that pinning them has made. */
export async function forgetPinnedIn(
  tx: Tx,
  streamId: string,
  which: { readonly entryId: string } | { readonly userId: string },
): Promise<void> {
  await removePinned(tx, sql`= ${streamId}`, which)
}

async function removePinned(tx: Tx, isOfStreams: SQL, which: Readonly<Record<string, string>>): Promise<void> {
  await tx.execute(sql`
    update ${chatEntries} set change = (change::jsonb || '{"pinned": null}')::json
    where ${chatEntries.streamId} ${isOfStreams} and ${chatEntries.kind} = 'room'
      and (${chatEntries.change} -> 'pinned')::jsonb @> ${JSON.stringify(which)}::jsonb`)
}
