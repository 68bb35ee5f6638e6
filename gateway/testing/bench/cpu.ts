import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second, which Linux fixes for user space (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SEC = 100

type Usage = { readonly pid: number; readonly parent: number; readonly ownSec: number; readonly sec: number }

/** CPU seconds that a process, its living descendants and all children that these have waited for have used so far. */
export function treeCpuSec(root: number): number {
  const all = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => usageOf(pid) ?? [])
  const sum = (pid: number): number =>
    all.filter(({ parent }) => parent === pid).reduce((total, child) => total + child.sec + sum(child.pid), 0)
  return (all.find(({ pid }) => pid === root)?.sec ?? 0) + sum(root)
}

/** CPU seconds that a process alone has used so far. */
export function cpuSec(pid: number): number {
  return usageOf(pid)?.ownSec ?? 0
}

/** proc(5): behind the program's name, the parent is field 4, and the times are fields 14 to 17 (children's too). */
function usageOf(pid: number): Usage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [own, withChildren] = [fields.slice(11, 13), fields.slice(11, 15)].map(
      (ticks) => ticks.reduce((total, value) => total + value, 0) / TICKS_PER_SEC,
    )
    return { pid, parent: fields[1] ?? 0, ownSec: own ?? 0, sec: withChildren ?? 0 }
  } catch {
    return null
  }
}

/** The memory that a process holds, in MB (VmRSS). */
export function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1024
}
