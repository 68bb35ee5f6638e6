import { readdirSync, readFileSync } from 'node:fs'

/** The pids of the living workers of a monitor or a job, by their environment (Linux). */
export function workerPids(id: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isWorkerOf(pid, id))
  // Between fork and exec, what a worker starts looks like the worker itself.
  return pids.filter((pid) => !pids.includes(parentOf(pid)))
}

function isWorkerOf(pid: number, id: string): boolean {
  const environ = readProc(pid, 'environ').split('\0')
  const isIts = environ.includes(`MONITOR_ID=${id}`) || environ.includes(`JOB_ID=${id}`)
  return isIts && readProc(pid, 'cmdline').includes('worker/main')
}

/** The pids of the encoders that a worker runs. */
export function encoderPids(workerPid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === workerPid && readProc(pid, 'cmdline').startsWith('ffmpeg'))
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readProc(pid, 'status'))?.[1])
}

/** The pid of the postmaster of a data folder's embedded database; `null` while there is none. */
export function postmasterPid(dataDir: string): number | null {
  try {
    return Number(readFileSync(`${dataDir}/postgres/postmaster.pid`, 'utf8').split('\n')[0])
  } catch {
    return null
  }
}

/** A file of a process; empty where it is gone. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
