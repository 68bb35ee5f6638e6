import { and, eq, inArray } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
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
