import { and, desc, eq, isNotNull, isNull, lt, or } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { Stream } from './streams.ts'
import { isAmong } from './is-among.ts'
import { isListedFor } from './listed.ts'
import { isNamed } from './names.ts'
import { archives, streams, users } from '../schema.ts'

export type Archive = typeof archives.$inferSelect
export type NewArchive = typeof archives.$inferInsert

/** An archive with its broadcast and the name of its owner. */
export type OwnedArchive = { readonly archive: Archive; readonly stream: Stream; readonly username: string }

/** Inserts the archive of a broadcast, unless it has one. */
export async function insertArchive(tx: Tx, archive: NewArchive): Promise<void> {
  await tx.insert(archives).values(archive).onConflictDoNothing()
}

function selectOwned(db: DbOrTx) {
  return db
    .select({ archive: archives, stream: streams, username: users.username })
    .from(archives)
    .innerJoin(streams, eq(streams.streamId, archives.streamId))
    .innerJoin(users, eq(users.userId, archives.userId))
}

/** Returns an archive, or `null`. */
export async function findArchive(db: DbOrTx, archiveId: string): Promise<OwnedArchive | null> {
  const [row] = await selectOwned(db).where(eq(archives.archiveId, archiveId))
  return row ?? null
}

/** Returns the id of the archive of a broadcast, or `null`. */
export async function findArchiveIdOf(db: DbOrTx, streamId: string): Promise<string | null> {
  const [row] = await db.select({ id: archives.archiveId }).from(archives).where(eq(archives.streamId, streamId))
  return row?.id ?? null
}

/** Returns the ids of the archives of broadcasts. */
export async function listArchiveIdsOf(db: DbOrTx, streamIds: readonly string[]): Promise<string[]> {
  const rows = await db.select({ id: archives.archiveId }).from(archives).where(isAmong(archives.streamId, streamIds))
  return rows.map(({ id }) => id)
}

/** What a list of archives is limited to. */
export type ArchiveFilter = {
  /** Id or name of the owner. */
  readonly user: string | undefined
  /** Only archives older than this one. */
  readonly before: string | null
  readonly limit: number
}

/**
 * Returns the archives that a viewer finds in lists, newest first: public ones, those for followers, and the own ones. Those
 * whose files are gone are for their owner.
 */
export function readArchivePage(
  db: DbOrTx,
  { user, before, limit }: ArchiveFilter,
  viewerId: string | null,
): Promise<OwnedArchive[]> {
  const owner = user === undefined ? undefined : isNamed(user)
  return selectOwned(db)
    .where(
      and(
        isListedFor(archives, viewerId),
        viewerId === null
          ? isNull(streams.discardedAt)
          : or(isNull(streams.discardedAt), eq(archives.userId, viewerId)),
        owner,
        before === null ? undefined : lt(archives.archiveId, before),
      ),
    )
    .orderBy(desc(archives.archiveId))
    .limit(limit)
}

/** Returns the archives that moderators have taken down, newest first. */
export function readTakenDown(db: DbOrTx, limit: number): Promise<OwnedArchive[]> {
  return selectOwned(db).where(isNotNull(streams.takeDown)).orderBy(desc(archives.archiveId)).limit(limit)
}

/** Changes an archive; returns `null` where it is gone. */
export async function updateArchiveRow(
  db: DbOrTx,
  archiveId: string,
  change: Partial<NewArchive>,
): Promise<Archive | null> {
  const [row] = await db.update(archives).set(change).where(eq(archives.archiveId, archiveId)).returning()
  return row ?? null
}

/** Deletes an archive. */
export async function deleteArchiveRow(tx: DbOrTx, archiveId: string): Promise<void> {
  await tx.delete(archives).where(eq(archives.archiveId, archiveId))
}
