import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const FAST_STOP_WITHIN_MS = 10_000
const KILLED_WITHIN_MS = 5000
const POLL_MS = 25

/** A cluster's `cluster_name`, which all processes of its server show in their titles: its folder, as a short hash. */
export function processMark(dir: string): string {
  return `tallylight-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`
}

/**
 * Ends what a server left running on this cluster: the whole of it where its gateway was killed, and its orphaned
 * backends, which block the next start, where it was killed itself. Resolves once nothing of it is left.
 */
export async function endLeftovers(dir: string): Promise<void> {
  const postmaster = Number((await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
  if (processesOf(dir).includes(postmaster)) {
    signalIfThere(postmaster, 'SIGINT')
    await waitUntilGone(dir, FAST_STOP_WITHIN_MS)
  }
  for (const pid of processesOf(dir)) signalIfThere(pid, 'SIGKILL')
  if (!(await waitUntilGone(dir, KILLED_WITHIN_MS))) throw new Error(`an earlier Postgres on ${dir} does not end`)
}

async function waitUntilGone(dir: string, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (processesOf(dir).length > 0) {
    if (performance.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself in between.
  }
}

function processesOf(dir: string): readonly number[] {
  const mark = processMark(dir)
  const commands = process.platform === 'linux' ? commandsInProc() : commandsByPs()
  return commands
    .filter(({ command }) => command.includes(mark) && /^(?:\S*\/)?postgres\b/.test(command))
    .map(({ pid }) => pid)
}

type Command = { readonly pid: number; readonly command: string }

function commandsInProc(): readonly Command[] {
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

function commandsByPs(): readonly Command[] {
  const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8', timeout: 5000 }).split('\n')
  return lines.map((line) => {
    const [pid = '', ...words] = line.trim().split(/\s+/)
    return { pid: Number(pid), command: words.join(' ') }
  })
}
