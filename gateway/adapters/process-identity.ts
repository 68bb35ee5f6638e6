import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * When a living process was started, as an opaque text that with its pid names it for good: pids come round again.
 * `null` where there is no such process, or only its unreaped rest.
 */
export function processStartTime(pid: number): string | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

/** proc(5): the fields behind the program's name, which may itself hold spaces and brackets, begin with the state. */
function fromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

function fromPs(pid: number): string | null {
  try {
    const answer = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 })
    return answer.trim() === '' ? null : answer.trim().replaceAll(/\W+/g, '-')
  } catch {
    return null
  }
}

/** A process by the name that nothing else on any machine has: host, pid and start time. */
export function ownProcessName(): string {
  return `${hostname()}:${process.pid}:${processStartTime(process.pid) ?? ''}`
}

/** Whether the process of that name (whatever follows it) may still run: of other machines nothing is known. */
export function processMayStillRun(name: string): boolean {
  const [host, pid, startedAt] = name.split(':')
  return host !== hostname() || processStartTime(Number(pid)) === startedAt
}
