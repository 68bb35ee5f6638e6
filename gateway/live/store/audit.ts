import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'

import { newUuid } from '../../../shared/ids.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { AuditAction, AuditTarget } from '../rules/audit-action.ts'
import { archives, auditEntries, streams, users } from '../schema.ts'

/** What is recorded of an action; without an actor, an operator did it at the command line. */
export type NewAuditEntry = {
  readonly actorId: string | null
  readonly action: AuditAction
  readonly target: AuditTarget
  readonly reason: string
}

/** A recorded action, with the names that its actor and its target have today; `null` where they are gone. */
export type NamedAuditEntry = Omit<typeof auditEntries.$inferSelect, 'actorId'> & {
  readonly actor: { readonly userId: string; readonly username: string } | null
  readonly targetName: string | null
}

/** Records an action in the transaction that performs it. */
export async function insertAuditEntry(tx: DbOrTx, { actorId, action, target, reason }: NewAuditEntry): Promise<void> {
  const { kind: targetKind, id: targetId } = target
  await tx.insert(auditEntries).values({ entryId: newUuid(), actorId, action, targetKind, targetId, reason })
}

/** Returns recorded actions, the newest first: those before an entry, or the newest ones. */
export async function readAuditPage(
  db: DbOrTx,
  { before, limit }: { readonly before: string | null; readonly limit: number },
): Promise<NamedAuditEntry[]> {
  const actors = alias(users, 'actors')
  const targetIs = (kind: AuditTarget['kind']) => eq(auditEntries.targetKind, kind)
  const rows = await db
    .select({
      entry: auditEntries,
      actorName: actors.username,
      targetName: sql<string | null>`coalesce(${users.username}, ${archives.title}, ${streams.title})`,
    })
    .from(auditEntries)
    .leftJoin(actors, eq(actors.userId, auditEntries.actorId))
    .leftJoin(users, and(targetIs('user'), eq(users.userId, auditEntries.targetId)))
    .leftJoin(archives, and(targetIs('archive'), eq(archives.archiveId, auditEntries.targetId)))
    .leftJoin(streams, and(targetIs('stream'), eq(streams.streamId, auditEntries.targetId)))
    .where(before === null ? undefined : lt(auditEntries.entryId, before))
    .orderBy(desc(auditEntries.entryId))
    .limit(limit)
  return rows.map(({ entry: { actorId, ...entry }, actorName, targetName }) => ({
    ...entry,
    actor: actorId === null || actorName === null ? null : { userId: actorId, username: actorName },
    targetName,
  }))
}
