import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import { createPrivateFile } from './private-file.ts'
import { processStartTime } from './process-identity.ts'

const FILE = 'gateway.lock'

/** Who holds a lock: a pid alone may be another's after a crash. */
const Holder = v.object({ pid: v.number(), startedAt: v.string() })
type Holder = v.InferOutput<typeof Holder>

/** How often a lock that a dead gateway left is tried to be taken over, against others that try the same. */
const ATTEMPTS = 5

/**
 * Takes a data folder, making it where there is none, until dispose or the end of this process. Throws, with the pid,
 * where a living gateway holds it.
 */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, FILE)
  const own = JSON.stringify({ pid: process.pid, startedAt: processStartTime(process.pid) ?? '' } satisfies Holder)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await createPrivateFile(path, own)) return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    const text = await readFile(path, 'utf8').catch(() => null)
    const holder = parseHolder(text)
    if (holder !== null && processStartTime(holder.pid) === holder.startedAt) {
      throw new Error(`${dataDir} is used by another gateway, process ${holder.pid}: end it, or set another DATA_DIR`)
    }
    if (text !== null) await removeStale(path, text)
  }
  throw new Error(`${path} cannot be taken: other gateways are starting on the same DATA_DIR`)
}

function parseHolder(text: string | null): Holder | null {
  if (text === null) return null
  try {
    return v.parse(Holder, JSON.parse(text))
  } catch {
    return null
  }
}

/** Moved aside before it goes, and put back where another gateway has replaced it since it was read. */
async function removeStale(path: string, expected: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  await rename(path, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => null)
  if (moved !== null && moved !== expected) await createPrivateFile(path, moved)
  await rm(aside, { force: true })
}
