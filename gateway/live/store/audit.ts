import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'

import { newUuid } from '../../../shared/ids.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { AuditAction, AuditTarget } from '../rules/audit-action.ts'
import { archives, auditEntries, streams, users } from '../schema.ts'

/** How long actions are kept, in days. */
const KEPT_DAYS = 400

/** What is recorded of an action; without an actor, an operator did it at the command line. */
export type NewAuditEntry = {
  readonly actor: { readonly user: { readonly userId: string }; readonly address: string } | null
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
export async function insertAuditEntry(tx: DbOrTx, { actor, target, ...entry }: NewAuditEntry): Promise<void> {
  await tx.insert(auditEntries).values({
    ...entry,
    entryId: newUuid(),
    actorId: actor?.user.userId ?? null,
    address: actor?.address ?? null,
    targetKind: target.kind,
    targetId: target.id,
  })
}

/** Removes the addresses that a user has acted from, before the user is deleted; the actions stay. */
export async function forgetAuditAddresses(tx: DbOrTx, actorId: string): Promise<void> {
  await tx.update(auditEntries).set({ address: null }).where(eq(auditEntries.actorId, actorId))
}

/** Deletes the actions that have been kept for long enough. */
export async function deleteOldAuditEntries(db: DbOrTx): Promise<void> {
  await db.delete(auditEntries).where(lt(auditEntries.createdAt, sql`now() - make_interval(days => ${KEPT_DAYS})`))
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
