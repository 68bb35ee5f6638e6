import { totalmem } from 'node:os'

import { runProgram } from './run-program.ts'

/** Of the machine's memory, or of the container's: beyond it others suffer. */
const SHARE = 0.75
const TIMEOUT_MS = 5000

/**
 * Limits the memory that this process, and each program that it starts from now on, may allocate for itself
 * (RLIMIT_DATA of setrlimit(2), which children inherit): a program that wants more ends with an error of its own, long
 * before the kernel looks for a victim. False where there is no prlimit(1), which belongs to util-linux.
 */
export async function limitMemory(signal: AbortSignal): Promise<boolean> {
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  const limit = `--data=${Math.floor(memoryBytes * SHARE)}`
  const result = await runProgram('prlimit', ['--pid', String(process.pid), limit], { timeoutMs: TIMEOUT_MS, signal })
  return result.kind === 'exited' && result.code === 0
}
