import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Returns the start time of a running process as opaque text. Together with the pid, which may be reused, it identifies
 * the process. `null` where there is no such process, or only a zombie.
 */
export function readProcessStartTime(pid: number): string | null {
  return process.platform === 'linux' ? readStartTimeFromProc(pid) : readStartTimeWithPs(pid)
}

/** Reads proc(5): the fields after the program's name, which may contain spaces and brackets, begin with the state. */
function readStartTimeFromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

function readStartTimeWithPs(pid: number): string | null {
  try {
    const answer = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 })
    return answer.trim() === '' ? null : answer.trim().replaceAll(/\W+/g, '-')
  } catch {
    return null
  }
}

/** Returns a name for this process that is unique across machines: host, pid and start time. */
export function getProcessName(): string {
  return `${hostname()}:${process.pid}:${readProcessStartTime(process.pid) ?? ''}`
}

/** Returns whether the process of that name may still run; always `true` for other machines. A suffix is ignored. */
export function mayProcessStillRun(name: string): boolean {
  const [host, pid, startedAt] = name.split(':')
  return host !== hostname() || readProcessStartTime(Number(pid)) === startedAt
}
