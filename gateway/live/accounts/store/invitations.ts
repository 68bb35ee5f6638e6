import { and, eq, gt, lte, sql } from 'drizzle-orm'

import type { Db, DbOrTx, Tx } from '../../../ports/database.ts'
import { invitations } from '../../schema.ts'

/** Inserts an invitation that expires in `lifeSec` seconds; returns when it does. */
export async function insertInvitation(
  db: DbOrTx,
  invitation: { readonly codeHash: string; readonly createdBy: string },
  lifeSec: number,
): Promise<Date> {
  const [row] = await db
    .insert(invitations)
    .values({ ...invitation, expiresAt: sql`now() + make_interval(secs => ${lifeSec})` })
    .returning({ expiresAt: invitations.expiresAt })
  if (row === undefined) throw new Error('the invitation was not inserted')
  return row.expiresAt
}

/** Returns whether an invitation may be used: false where it is unknown, used or expired. */
export async function isInvitationValid(tx: Tx, codeHash: string): Promise<boolean> {
  const rows = await tx
    .select({ codeHash: invitations.codeHash })
    .from(invitations)
    .where(and(eq(invitations.codeHash, codeHash), gt(invitations.expiresAt, sql`now()`)))
  return rows.length > 0
}

/** Uses an invitation up. */
export async function useInvitation(tx: Tx, codeHash: string): Promise<void> {
  await tx.delete(invitations).where(eq(invitations.codeHash, codeHash))
}

/** Deletes the invitations that have expired. */
export async function deleteExpiredInvitations(db: Db): Promise<void> {
  await db.delete(invitations).where(lte(invitations.expiresAt, sql`now()`))
}
