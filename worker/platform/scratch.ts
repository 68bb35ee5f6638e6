import { readFileSync, rmSync } from 'node:fs'
import { lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { atExit } from './at-exit.ts'

/** A folder of this process; disposing of it removes it and its content. */
export type ScratchFolder = AsyncDisposable & { readonly dir: string }

/** The parent folder of scratch folders cannot be used. */
export class ScratchFolderError extends Error {}

/** With retries: an ffmpeg that was just killed may still create a file while the folder is removed. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const

/** `NAME.HOST.PID.STARTTIME`: the name alone identifies a folder's owner, from its creation to its removal. */
const FOLDER = /^[\w-]{1,100}\.([\w-]{1,60})\.(\d{1,10})\.(\d{1,20})$/

/**
 * Creates an empty, private folder in `workDir`, named after `name` (letters, digits, `-`) and this process. It first
 * removes the scratch folders there whose processes on this machine have ended; all other entries stay.
 * @throws ScratchFolderError where another account owns `workDir`, or the file system's error
 */
export async function openScratchFolder(workDir: string, name: string): Promise<ScratchFolder> {
  await mkdir(workDir, { recursive: true, mode: 0o700 })
  if (!(await isTrusted(workDir))) throw new ScratchFolderError(`${workDir} belongs to another account`)
  const root = await realpath(workDir)
  await removeOrphanFolders(root)
  const dir = join(root, `${name}.${HOST}.${process.pid}.${readStartTime(process.pid) ?? UNKNOWN}`)
  await rm(dir, REMOVAL)
  await mkdir(dir, { mode: 0o700 })
  const forget = atExit(() => removeSync(dir))
  return {
    dir,
    async [Symbol.asyncDispose]() {
      await rm(dir, REMOVAL)
      forget()
    },
  }
}

const HOST = hostname()
  .replaceAll(/[^\w-]/g, '-')
  .slice(0, 60)

/** Stands for the start time on platforms where it cannot be read. */
const UNKNOWN = '0'

/** Returns whether this account or root owns a folder. Any other owner could exchange the scratch folders in it. */
async function isTrusted(path: string): Promise<boolean> {
  const { uid } = await lstat(path)
  return uid === 0 || uid === process.getuid?.()
}

async function removeOrphanFolders(root: string): Promise<void> {
  // Without proc(5), all processes would seem to have ended.
  if (readStartTime(process.pid) === null) return
  for (const entry of await readdir(root)) {
    const [, host, pid, startTime = ''] = FOLDER.exec(entry) ?? []
    if (host !== HOST || isAlive(Number(pid), startTime)) continue
    const path = join(root, entry)
    if (await isOwnFolder(path)) await rm(path, REMOVAL).catch(() => {})
  }
}

/** Returns whether a path is a folder of this account. Another worker may have removed it meanwhile. */
async function isOwnFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null)
  return stats !== null && stats.isDirectory() && stats.uid === process.getuid?.()
}

function isAlive(pid: number, startTime: string): boolean {
  const current = readStartTime(pid)
  return current === UNKNOWN ? processExists(pid) : current === startTime
}

/**
 * Reads a process's start time, in ticks since the machine's start (proc(5)). It distinguishes processes that have the
 * same, reused pid. Returns `null` where no such process exists, or it is a zombie.
 */
function readStartTime(pid: number): string | null {
  if (process.platform !== 'linux') return UNKNOWN
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return 'ZX'.includes(state) ? null : (fields[18] ?? null)
  } catch {
    return null
  }
}

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Removes a folder synchronously, while the process exits. */
function removeSync(dir: string): void {
  try {
    rmSync(dir, REMOVAL)
  } catch {
    // The next worker removes it as an orphan.
  }
}
