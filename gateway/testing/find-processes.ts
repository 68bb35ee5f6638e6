import { readdirSync, readFileSync } from 'node:fs'

/** Finds the pids of the running workers of an assignment by their environment (Linux). */
export function findWorkerPids(id: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isWorkerOf(pid, id))
  // Between fork and exec, a child of a worker looks like the worker itself.
  return pids.filter((pid) => !pids.includes(readParentPid(pid)))
}

function isWorkerOf(pid: number, id: string): boolean {
  const environ = readProcessFile(pid, 'environ').split('\0')
  const isIts = ['MONITOR_ID', 'JOB_ID', 'BROADCAST_ID', 'INGEST_ID', 'CLIP_ID'].some((name) =>
    environ.includes(`${name}=${id}`),
  )
  return isIts && readProcessFile(pid, 'cmdline').includes('worker/main')
}

/** Finds the pids of a gateway's processes that run several workers each. */
export function findSharedPids(gatewayPid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && readParentPid(pid) === gatewayPid)
    .filter((pid) => readProcessFile(pid, 'environ').split('\0').includes('SHARED_PROCESS=1'))
}

/** Finds the pids of the ffmpeg processes that a worker runs. */
export function findEncoderPids(workerPid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) => pid > 0 && readParentPid(pid) === workerPid && readProcessFile(pid, 'cmdline').startsWith('ffmpeg'),
    )
}

/** Reads the pid of a process's parent; `NaN` where the process has ended. */
export function readParentPid(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readProcessFile(pid, 'status'))?.[1])
}

/** Reads the pid of the postmaster of a data folder's embedded database; `null` while there is none. */
export function readPostmasterPid(dataDir: string): number | null {
  try {
    return Number(readFileSync(`${dataDir}/postgres/postmaster.pid`, 'utf8').split('\n')[0])
  } catch {
    return null
  }
}

/** Reads a file below `/proc/PID`; empty where the process has ended. */
function readProcessFile(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
