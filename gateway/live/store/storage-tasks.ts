import { asc, eq, inArray, lte, sql, type SQL } from 'drizzle-orm'

import type { ColdClass } from '../../../shared/contract/stores.ts'
import type { StorageResult } from '../../../shared/contract/live-files.ts'
import { newUuid } from '../../../shared/ids.ts'
import { dueAt, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { storageTasks } from '../schema.ts'

export type StorageTaskRow = typeof storageTasks.$inferSelect

/** Pause after the first failed try of a task, doubling up to the longest one. */
const FIRST_PAUSE_SEC = 30
const LONGEST_PAUSE_SEC = 3600

/** A worker that was stopped stores nothing any more after this time, in seconds. */
const SECOND_REMOVAL_SEC = 90

/** Returns the folder of a broadcast: all its files lie below it. */
export function storedFolderOf(streamId: string): string {
  return `live/${streamId}/`
}

/** Returns the broadcast of a folder. */
export function streamIdOfFolder(folder: string): string {
  return folder.slice('live/'.length, -1)
}

/**
 * Plans the removal of the folders of broadcasts, and drops other tasks on them. Each is removed twice: a worker that does
 * not know of it yet may go on storing until its next report.
 */
export async function insertFolderRemovals(tx: DbOrTx, streamIds: readonly string[]): Promise<void> {
  if (streamIds.length === 0) return
  const folders = streamIds.map(storedFolderOf)
  await tx.delete(storageTasks).where(inArray(storageTasks.folder, folders))
  const twice = folders.flatMap((folder) =>
    [0, SECOND_REMOVAL_SEC].map((sec) => ({ taskId: newUuid(), folder, dueAt: dueIn(sec) })),
  )
  await tx.insert(storageTasks).values(twice)
}

/** Plans the removal of files of a broadcast, by their names below its folder. */
export async function insertFileRemoval(tx: DbOrTx, streamId: string, names: readonly string[]): Promise<void> {
  if (names.length > 0) await tx.insert(storageTasks).values(fileRemoval(streamId, names, 0))
}

/** Plans the removal of files of a broadcast, which is repeated: a worker may be storing them now. */
export async function insertFileRemovals(tx: DbOrTx, streamId: string, names: readonly string[]): Promise<void> {
  await tx.insert(storageTasks).values([0, SECOND_REMOVAL_SEC].map((sec) => fileRemoval(streamId, names, sec)))
}

function fileRemoval(streamId: string, names: readonly string[], sec: number) {
  return { taskId: newUuid(), folder: storedFolderOf(streamId), names: [...names], dueAt: dueIn(sec) }
}

/** Plans that a broadcast's files move to another class. */
export async function insertClassChange(tx: DbOrTx, streamId: string, storageClass: ColdClass): Promise<void> {
  const folder = storedFolderOf(streamId)
  await tx.insert(storageTasks).values({ taskId: newUuid(), folder, storageClass, dueAt: dueIn(0) })
}

/** When the next task is due. */
export const STORAGE_DUE_IN_MS: DueInMs = dueAt(sql`(select min(${storageTasks.dueAt}) from ${storageTasks})`)

/** Returns tasks that are due, the oldest first. */
export function listDueTasks(db: DbOrTx, limit: number): Promise<StorageTaskRow[]> {
  return db.select().from(storageTasks).where(isDue()).orderBy(asc(storageTasks.dueAt)).limit(limit)
}

/** Deletes the tasks that are done, and plans the next try of those that failed. */
export async function recordTaskResults(tx: DbOrTx, results: readonly StorageResult[]): Promise<void> {
  const done = results.flatMap(({ task_id: id, problem }) => (problem === null ? [id] : []))
  if (done.length > 0) await tx.delete(storageTasks).where(inArray(storageTasks.taskId, done))
  for (const { task_id: id, problem } of results) {
    if (problem !== null) await retryLater(tx, eq(storageTasks.taskId, id), problem)
  }
}

/** Plans the next try of all tasks that are due, after a worker could do none of them. */
export function retryDueTasks(tx: DbOrTx, problem: string): Promise<void> {
  return retryLater(tx, isDue(), problem)
}

async function retryLater(tx: DbOrTx, which: SQL, problem: string): Promise<void> {
  const pause = sql`least(${FIRST_PAUSE_SEC} * power(2, least(${storageTasks.tries}, 20)), ${LONGEST_PAUSE_SEC})`
  await tx
    .update(storageTasks)
    .set({ problem, tries: sql`${storageTasks.tries} + 1`, dueAt: sql`now() + make_interval(secs => ${pause})` })
    .where(which)
}

function isDue(): SQL {
  return lte(storageTasks.dueAt, sql`now()`)
}

function dueIn(sec: number): SQL<Date> {
  return sql<Date>`now() + make_interval(secs => ${sec})`
}
