import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import { createPrivateFile } from '../files/private-file.ts'
import { readProcessStartTime } from '../process/process-identity.ts'

const LOCK_FILE = 'gateway.lock'

/** The process that holds a lock. Its start time detects a pid that was reused after a crash. */
const LockHolder = v.object({ pid: v.number(), startedAt: v.string() })
type LockHolder = v.InferOutput<typeof LockHolder>

/** Attempts to take over a stale lock, which other starting gateways may attempt too. */
const ATTEMPTS = 5

/**
 * Locks a data folder, creating it if needed, until dispose or the end of this process.
 * @throws Error with the pid where a running gateway holds the lock
 */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, LOCK_FILE)
  const own = JSON.stringify({
    pid: process.pid,
    startedAt: readProcessStartTime(process.pid) ?? '',
  } satisfies LockHolder)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await createPrivateFile(path, own)) return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    const text = await readFile(path, 'utf8').catch(() => null)
    const holder = parseLockHolder(text)
    if (holder !== null && readProcessStartTime(holder.pid) === holder.startedAt) {
      throw new Error(`${dataDir} is used by another gateway, process ${holder.pid}: end it, or set another DATA_DIR`)
    }
    if (text !== null) await removeStaleLock(path, text)
  }
  throw new Error(`${path} cannot be taken: other gateways are starting on the same DATA_DIR`)
}

function parseLockHolder(text: string | null): LockHolder | null {
  if (text === null) return null
  try {
    return v.parse(LockHolder, JSON.parse(text))
  } catch {
    return null
  }
}

/** Removes a stale lock by a rename, and restores it where another gateway has replaced it since it was read. */
async function removeStaleLock(path: string, expected: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  await rename(path, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => null)
  if (moved !== null && moved !== expected) await createPrivateFile(path, moved)
  await rm(aside, { force: true })
}
