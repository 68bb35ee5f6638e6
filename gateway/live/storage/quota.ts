import { BrokenRule } from '../../errors.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { sumStoredBytes } from '../store/stored-streams.ts'

/** What an account has in the store, in bytes; `limit` is `null` where there is none. */
export type StorageUse = { readonly used: number; readonly limit: number | null }

/** Returns what a user has in the store. */
export async function readStorageUse({ settings }: LiveContext, db: DbOrTx, userId: string): Promise<StorageUse> {
  return { used: await sumStoredBytes(db, userId), limit: settings.live.archives.quotaBytes }
}

/** Returns whether a user's storage has no room for another recording. */
export async function isStorageFull(context: LiveContext, db: DbOrTx, userId: string): Promise<boolean> {
  if (context.settings.live.archives.quotaBytes === null) return false
  const { used, limit } = await readStorageUse(context, db, userId)
  return limit !== null && used >= limit
}

/**
 * Checks that a user's storage has room for another recording.
 * @throws BrokenRule STORAGE_FULL
 */
export async function requireRoom(context: LiveContext, db: DbOrTx, userId: string): Promise<void> {
  if (!(await isStorageFull(context, db, userId))) return
  const gb = (context.settings.live.archives.quotaBytes ?? 0) / 1e9
  const message = `record: the recordings of this account have reached ${gb} GB, which is the limit; delete some, or set record to false`
  throw new BrokenRule(LIVE_ERRORS.STORAGE_FULL, message)
}
