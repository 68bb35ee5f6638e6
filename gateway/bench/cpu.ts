import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second, fixed for user space on Linux (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SEC = 100

type ProcessCpu = { readonly pid: number; readonly parent: number; readonly ownSec: number; readonly sec: number }

/** Reads the CPU seconds used so far by a process, its running descendants, and the children they have waited for. */
export function readTreeCpuSec(root: number): number {
  const all = readAllProcesses()
  const sum = (pid: number): number =>
    all.filter(({ parent }) => parent === pid).reduce((total, child) => total + child.sec + sum(child.pid), 0)
  return (all.find(({ pid }) => pid === root)?.sec ?? 0) + sum(root)
}

function readAllProcesses(): ProcessCpu[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => readProcessCpu(pid) ?? [])
}

/** Reads the memory of a process and its running descendants in MB: their shares of all pages (Pss of proc(5)). */
export function readTreeMb(root: number): number {
  const all = readAllProcesses()
  const sum = (pid: number): number =>
    readProportionalMb(pid) + all.filter(({ parent }) => parent === pid).reduce((mb, child) => mb + sum(child.pid), 0)
  return sum(root)
}

function readProportionalMb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Reads the CPU seconds used so far by one process alone. */
export function readCpuSec(pid: number): number {
  return readProcessCpu(pid)?.ownSec ?? 0
}

/** Reads proc(5): the parent is field 4, the times are fields 14 to 17, the last two for children. */
function readProcessCpu(pid: number): ProcessCpu | null {
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

/** Reads the resident memory of a process in MB (VmRSS). */
export function readResidentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1024
}
