import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { Log } from '../../../../shared/log.ts'
import { createFlvReader } from '../../flv/flv-reader.ts'
import type { FlvTag } from '../../flv/flv-tag.ts'
import { OWNER_FILE, type JournalOwner } from './session-journal.ts'

/** A session of an ingest worker that has died, with what its journal holds. */
export type SavedSession = {
  readonly owner: JournalOwner
  /** Unix time in ms at which timestamp 0 arrived; `null`: unknown. */
  readonly baseMs: number | null
  readonly tags: readonly FlvTag[]
  /** Removes its files. */
  remove(): Promise<void>
}

export type RestoreOptions = {
  /** Folder of all journals. */
  readonly dir: string
  /** Bytes that are restored at most, of the newest sessions. */
  readonly capacityBytes: number
  /** Age from which a journal is of no use, in ms. */
  readonly maxAgeMs: number
  readonly log: Log
}

const SavedOwner = v.object({
  session: v.pipe(v.string(), v.uuid()),
  stream_id: v.pipe(v.string(), v.uuid()),
  token: v.string(),
  base_ms: v.nullable(v.number()),
})
const SESSION_FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MEDIA_FILE = /^\d{9}\.flv$/

/** Reads the journals in a folder, the oldest session first. Those that are too old, too large or unreadable are removed. */
export async function restoreSessions(options: RestoreOptions): Promise<readonly SavedSession[]> {
  const { dir, log } = options
  // The ids of sessions are in the order of their time (RFC 9562 §5.7).
  const sessions = (await listFolder(dir)).filter((name) => SESSION_FOLDER.test(name)).toSorted()
  const restored: SavedSession[] = []
  let remainingBytes = options.capacityBytes
  for (const session of sessions.toReversed()) {
    const folder = join(dir, session)
    const saved = await readSession(folder, remainingBytes, options).catch((error: unknown) => {
      log.warn('what was received before cannot be restored', { session, error })
      return null
    })
    remainingBytes -= saved?.bytes ?? 0
    if (saved === null) await removeFolder(folder)
    else restored.unshift({ ...saved.content, remove: () => removeFolder(folder) })
  }
  return restored
}

async function listFolder(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch {
    return []
  }
}

/** Removes a folder; one that stays is removed at the next start. */
async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined)
}

type ReadSession = { readonly content: Omit<SavedSession, 'remove'>; readonly bytes: number }

async function readSession(
  folder: string,
  limitBytes: number,
  { maxAgeMs }: RestoreOptions,
): Promise<ReadSession | null> {
  const files = (await readdir(folder)).filter((name) => MEDIA_FILE.test(name)).toSorted()
  const stats = await Promise.all(files.map((file) => stat(join(folder, file))))
  const bytes = stats.reduce((sum, { size }) => sum + size, 0)
  const newestMs = Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs))
  if (bytes === 0 || bytes > limitBytes || Date.now() - newestMs > maxAgeMs) return null
  const { session, stream_id, token, base_ms } = v.parse(
    v.pipe(v.string(), v.parseJson(), SavedOwner),
    await readFile(join(folder, OWNER_FILE), 'utf8'),
  )
  const tags: FlvTag[] = []
  for (const file of files) {
    // The last tag may be cut off: its process died while it was written.
    for (const tag of createFlvReader().read(await readFile(join(folder, file)))) tags.push(tag)
  }
  return { content: { owner: { session, streamId: stream_id, token }, baseMs: base_ms, tags }, bytes }
}
