import { readFileSync, rmSync } from 'node:fs'
import { lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** A folder of this process alone; disposing of it removes it with all that is in it. */
export type Scratch = AsyncDisposable & { readonly dir: string }

/** The folder for scratch folders cannot be used. */
export class ScratchError extends Error {}

/** ffmpeg may have been killed a moment ago, and its last file come into being while the folder goes. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const

/** `NAME.HOST.PID.STARTED`: by its name alone, everybody knows whose a folder is, from its first moment to its last. */
const FOLDER = /^[\w-]{1,100}\.([\w-]{1,60})\.(\d{1,10})\.(\d{1,20})$/

/**
 * Makes an empty folder in `workDir` that nobody else can read, named after `name` (letters, digits, `-`) and this
 * process, and removes those that processes of this machine have left there that are gone. Folders of living ones, of
 * other machines or accounts, and whatever is named otherwise stay. Throws a `ScratchError` where the folder belongs to
 * somebody else, and the file system's error where it cannot be made.
 */
export async function openScratch(workDir: string, name: string): Promise<Scratch> {
  await mkdir(workDir, { recursive: true, mode: 0o700 })
  if (!(await isTrusted(workDir))) throw new ScratchError(`${workDir} belongs to another account`)
  const root = await realpath(workDir)
  await sweep(root)
  const dir = join(root, `${name}.${HOST}.${process.pid}.${startTime(process.pid) ?? UNKNOWN}`)
  await rm(dir, REMOVAL)
  await mkdir(dir, { mode: 0o700 })
  const leave = () => removeAtOnce(dir)
  process.once('exit', leave)
  return {
    dir,
    async [Symbol.asyncDispose]() {
      await rm(dir, REMOVAL)
      process.removeListener('exit', leave)
    },
  }
}

const HOST = hostname()
  .replaceAll(/[^\w-]/g, '-')
  .slice(0, 60)

/** Where processes have no start time that can be read. */
const UNKNOWN = '0'

/** In a folder of somebody else, ours could be exchanged for another; `/tmp` lets everybody make the first one. */
async function isTrusted(path: string): Promise<boolean> {
  const { uid } = await lstat(path)
  return uid === 0 || uid === process.getuid?.()
}

async function sweep(root: string): Promise<void> {
  // Without proc(5) everybody would look dead.
  if (startTime(process.pid) === null) return
  for (const entry of await readdir(root)) {
    const [, host, pid, startedAt = ''] = FOLDER.exec(entry) ?? []
    if (host !== HOST || isAlive(Number(pid), startedAt)) continue
    const path = join(root, entry)
    if (await isOwnFolder(path)) await rm(path, REMOVAL).catch(() => {})
  }
}

/** Another worker may sweep at the same time. */
async function isOwnFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  return found !== null && found.isDirectory() && found.uid === process.getuid?.()
}

function isAlive(pid: number, startedAt: string): boolean {
  const found = startTime(pid)
  return found === UNKNOWN ? exists(pid) : found === startedAt
}

/**
 * When a living process was started, in ticks since the machine's start, which with its pid names it for good (proc(5)):
 * pids come round again. `null` where there is none, or only its unreaped rest.
 */
function startTime(pid: number): string | null {
  if (process.platform !== 'linux') return UNKNOWN
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return 'ZX'.includes(state) ? null : (fields[18] ?? null)
  } catch {
    return null
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The last thing that a process does which has no time left. */
function removeAtOnce(dir: string): void {
  try {
    rmSync(dir, REMOVAL)
  } catch {
    // The next worker sweeps it.
  }
}

/** Whether the disk is full, or as full as it may become. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String(error.code))
}
