/**
 * The journal of a delivery lists every key that the delivery may write. It is stored before the output's first file, in
 * the job's own folder of the store: a later cleanup finds all files of a job by it, without knowing what the job made.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import { type Store, StoreError } from '../../stores/store.ts'

/** Where a job keeps its files. */
export type JobStorage = {
  readonly store: Store
  /** The job's own folder in the store (`.tallylight/{job_id}/`). */
  readonly partsKey: string
  /** A local folder for the copy that is sent or received. */
  readonly dir: string
}

const Journal = v.object({ keys: v.array(v.string()) })

const HEADERS = { contentType: 'application/json', cacheControl: 'no-store' }

/** Returns the key of a job's journal. */
export function journalKey(partsKey: string): string {
  return `${partsKey}files.json`
}

/**
 * Stores a journal of these keys.
 * @throws StoreError
 */
export async function writeJournal(
  { store, partsKey, dir }: JobStorage,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const path = localPath(dir)
  await writeFile(path, JSON.stringify({ keys }))
  await store.put(journalKey(partsKey), path, HEADERS, signal)
}

/**
 * Returns the keys of a job's journal; none where the job has no journal.
 * @throws StoreError also where the stored journal cannot be parsed
 */
export async function readJournal(
  { store, partsKey, dir }: JobStorage,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = localPath(dir)
  try {
    await store.get(journalKey(partsKey), path, signal)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_NOT_FOUND') return []
    throw error
  }
  const journal = v.safeParse(v.pipe(v.string(), v.parseJson(), Journal), await readFile(path, 'utf8'))
  if (!journal.success) throw new StoreError('STORE_REFUSED', `${journalKey(partsKey)} is not a valid journal`)
  return journal.output.keys
}

function localPath(dir: string): string {
  return join(dir, '.files.json')
}
