import { totalmem } from 'node:os'

import { runProgram } from './run-program.ts'

/** Share of the machine's or the container's memory. */
const SHARE = 0.75
const TIMEOUT_MS = 5000

/**
 * Limits the memory of this process and of each program that it starts from now on (RLIMIT_DATA of setrlimit(2)).
 * A program that exceeds it fails with its own error, before the kernel kills a process. Returns false without
 * prlimit(1) of util-linux.
 */
export async function limitMemory(signal: AbortSignal): Promise<boolean> {
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  const limit = `--data=${Math.floor(memoryBytes * SHARE)}`
  const result = await runProgram('prlimit', ['--pid', String(process.pid), limit], { timeoutMs: TIMEOUT_MS, signal })
  return result.kind === 'exited' && result.code === 0
}
