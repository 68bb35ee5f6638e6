import { and, asc, count, desc, eq, inArray, lt, ne, or, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'

import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import type { Visibility } from '../rules/visibility.ts'
import { archives, clips, streams, users } from '../schema.ts'
import { isListedFor } from './listed.ts'
import { isNamed } from './names.ts'
import type { Stream } from './streams.ts'

export type Clip = typeof clips.$inferSelect
export type NewClip = typeof clips.$inferInsert

/** A clip with its broadcast, whose recording decides who may watch it where there is one. */
export type OwnedClip = {
  readonly clip: Clip
  readonly stream: Stream
  readonly archiveId: string | null
  readonly visibility: Visibility
  /** The names of the owner of the broadcast and of the maker of the clip. */
  readonly username: string
  readonly makerName: string
}

const makers = alias(users, 'makers')
const visibility = sql<Visibility>`coalesce(${archives.visibility}, ${streams.visibility})`

/** Inserts a clip. */
export async function insertClip(tx: Tx, clip: NewClip): Promise<Clip> {
  const [row] = await tx.insert(clips).values(clip).returning()
  if (row === undefined) throw new Error('the clip was not inserted')
  return row
}

function selectOwned(db: DbOrTx) {
  return db
    .select({
      clip: clips,
      stream: streams,
      archiveId: archives.archiveId,
      visibility,
      username: users.username,
      makerName: makers.username,
    })
    .from(clips)
    .innerJoin(streams, eq(streams.streamId, clips.streamId))
    .innerJoin(users, eq(users.userId, streams.userId))
    .innerJoin(makers, eq(makers.userId, clips.makerId))
    .leftJoin(archives, eq(archives.streamId, clips.streamId))
}

/** Returns a clip, or `null`. */
export async function findClip(db: DbOrTx, clipId: string): Promise<OwnedClip | null> {
  const [row] = await selectOwned(db).where(eq(clips.clipId, clipId))
  return row ?? null
}

/** What a list of clips is limited to. */
export type ClipFilter = {
  /** Id or name of the owner of the channel. */
  readonly user: string | undefined
  readonly streamId: string | undefined
  /** Only clips older than this one. */
  readonly before: string | null
  readonly limit: number
}

/** Returns the clips that a viewer finds in lists, newest first; unfinished ones only for their maker and the channel. */
export function readClipPage(db: DbOrTx, filter: ClipFilter, viewerId: string | null): Promise<OwnedClip[]> {
  const { user, streamId, before, limit } = filter
  return selectOwned(db)
    .where(
      and(
        isListedFor({ visibility, userId: streams.userId }, viewerId),
        or(eq(clips.status, 'ready'), ...(viewerId === null ? [] : ownedBy(viewerId))),
        user === undefined ? undefined : isNamed(user),
        streamId === undefined ? undefined : eq(clips.streamId, streamId),
        before === null ? undefined : lt(clips.clipId, before),
      ),
    )
    .orderBy(desc(clips.clipId))
    .limit(limit)
}

function ownedBy(userId: string): SQL[] {
  return [eq(clips.makerId, userId), eq(streams.userId, userId)]
}

/** Changes a clip; returns `null` where it is gone. */
export async function updateClipRow(db: DbOrTx, clipId: string, change: Partial<NewClip>): Promise<Clip | null> {
  const [row] = await db.update(clips).set(change).where(eq(clips.clipId, clipId)).returning()
  return row ?? null
}

/** Ends the making of a clip; one that has ended stays as it is. */
export async function endClipRow(
  tx: Tx,
  clipId: string,
  outcome: Pick<NewClip, 'status' | 'fileSize' | 'error'>,
): Promise<void> {
  await tx
    .update(clips)
    .set(outcome)
    .where(and(eq(clips.clipId, clipId), isUnfinished))
}

// The literal makes the partial index usable.
const isUnfinished = sql`${clips.status} = 'processing'`

/** Unfinished clips wait for workers. */
export const CLIPS_ARE_UNFINISHED: DueInMs = dueWhile(sql`exists (select from ${clips} where ${isUnfinished})`)

/** Returns the oldest clips that are not finished. */
export async function listUnfinishedClips(db: DbOrTx, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: clips.clipId })
    .from(clips)
    .where(isUnfinished)
    .orderBy(asc(clips.clipId))
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** Returns how many clips are not finished. */
export async function countUnfinishedClips(db: DbOrTx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(clips).where(isUnfinished)
  return row?.n ?? 0
}

/** Returns the media sequence number from which unfinished clips need the segments of a broadcast; `null`: they need none. */
export async function findNeededSeq(tx: Tx, streamId: string): Promise<number | null> {
  const [row] = await tx
    .select({ seq: sql<number | null>`min(${clips.firstSeq})` })
    .from(clips)
    .where(and(eq(clips.streamId, streamId), isUnfinished))
  return row?.seq ?? null
}

/** A clip and where its files are. */
export type StoredClip = Pick<Clip, 'clipId' | 'streamId'> & Pick<Stream, 'folder'>

/** Returns the clips of broadcasts. */
export function listClipsOf(db: DbOrTx, streamIds: readonly string[]): Promise<StoredClip[]> {
  return selectStored(db).where(inArray(clips.streamId, [...streamIds]))
}

/** Returns the clips that a user has made of the broadcasts of others. */
export function listClipsOfOthers(db: DbOrTx, makerId: string): Promise<StoredClip[]> {
  return selectStored(db).where(and(eq(clips.makerId, makerId), ne(streams.userId, makerId)))
}

function selectStored(db: DbOrTx) {
  return db
    .select({ clipId: clips.clipId, streamId: clips.streamId, folder: streams.folder })
    .from(clips)
    .innerJoin(streams, eq(streams.streamId, clips.streamId))
}

/** Deletes clips. */
export async function deleteClipRows(tx: DbOrTx, clipIds: readonly string[]): Promise<void> {
  if (clipIds.length > 0) await tx.delete(clips).where(inArray(clips.clipId, [...clipIds]))
}
