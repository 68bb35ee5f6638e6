import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const FAST_SHUTDOWN_TIMEOUT_MS = 10_000
const KILL_TIMEOUT_MS = 5000
const POLL_MS = 25

/** Returns the `cluster_name` of a folder, a hash of its path. All processes of the server show it in their titles. */
export function clusterNameOf(dir: string): string {
  return `tallylight-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`
}

/**
 * Stops the processes of an earlier server on this cluster: a whole server whose gateway was killed, or the orphaned
 * backends of a killed postmaster, which would block the next start. Resolves once none is left.
 * @throws Error where a process survives SIGKILL for 5 s
 */
export async function stopStaleServer(dir: string): Promise<void> {
  const postmaster = Number((await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
  if (findServerPids(dir).includes(postmaster)) {
    signalIfRunning(postmaster, 'SIGINT')
    await waitUntilStopped(dir, FAST_SHUTDOWN_TIMEOUT_MS)
  }
  for (const pid of findServerPids(dir)) signalIfRunning(pid, 'SIGKILL')
  if (!(await waitUntilStopped(dir, KILL_TIMEOUT_MS)))
    throw new Error(`an earlier Postgres on ${dir} does not end: kill its processes, or set DATABASE_URL`)
}

/** Returns whether all processes of the server have ended within `timeoutMs`. */
async function waitUntilStopped(dir: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (findServerPids(dir).length > 0) {
    if (performance.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}

function signalIfRunning(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}

function findServerPids(dir: string): readonly number[] {
  const mark = clusterNameOf(dir)
  const commands = process.platform === 'linux' ? listCommandsFromProc() : listCommandsWithPs()
  return commands
    .filter(({ command }) => command.includes(mark) && /^(?:\S*\/)?postgres\b/.test(command))
    .map(({ pid }) => pid)
}

type RunningCommand = { readonly pid: number; readonly command: string }

function listCommandsFromProc(): readonly RunningCommand[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => ({ pid: Number(pid), command: readCommand(pid) }))
}

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function listCommandsWithPs(): readonly RunningCommand[] {
  const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8', timeout: 5000 }).split('\n')
  return lines.map((line) => {
    const [pid = '', ...words] = line.trim().split(/\s+/)
    return { pid: Number(pid), command: words.join(' ') }
  })
}
