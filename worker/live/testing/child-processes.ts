import { readdir, readFile } from 'node:fs/promises'

/** Returns the pids of a process's children that run this program (proc(5)). */
export async function listChildren(parent: number, program: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found: number[] = []
  for (const pid of pids) {
    // A process may end meanwhile.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const [, name, parentPid] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? []
    if (name === program && Number(parentPid) === parent) found.push(pid)
  }
  return found
}

/**
 * Kills the children of a process that run this program.
 * @throws Error where there are none
 */
export async function killChildren(parent: number, program: string): Promise<void> {
  const pids = await listChildren(parent, program)
  if (pids.length === 0) throw new Error(`${program} does not run`)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Returns the command lines and environments of a process and its ffmpeg, as proc(5) shows them. */
export async function listCommandLines(pid: number): Promise<string[]> {
  const pids = [pid, ...(await listChildren(pid, 'ffmpeg'))]
  const files = pids.flatMap((one) => [`/proc/${one}/cmdline`, `/proc/${one}/environ`])
  return Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
}
