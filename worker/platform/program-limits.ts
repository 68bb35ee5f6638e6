/**
 * Limits of the programs that workers start. A limit of memory, CPU time or file size is the kernel's and holds for each
 * process (setrlimit(2)). RLIMIT_NPROC does not bound a program: it counts all processes and threads of a user on the
 * node, in other Pods too, and not those of root. Where a program starts others, its whole tree is watched instead.
 */

import { existsSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** Limits of a program. `null`: its caller bounds it, by its deadline or by watching its files. */
export type ProgramLimits = {
  /** Data of each process, in bytes (RLIMIT_DATA). Beyond it, the program's allocations fail. */
  readonly memoryBytes: number
  /** CPU time of each process, in seconds (RLIMIT_CPU). */
  readonly cpuSec: number | null
  /** The largest file that it may write, in bytes (RLIMIT_FSIZE); 0: none. Pipes are not files. */
  readonly fileBytes: number | null
  /** Stack of each thread, in bytes (RLIMIT_STACK); `null`: the system's, which is 8 MiB. */
  readonly stackBytes: number | null
  /** Limits of the program and all that it starts together; `null` for a program that starts no other. */
  readonly tree: TreeLimits | null
}

export type TreeLimits = {
  readonly processes: number
  /** Resident memory, in bytes. */
  readonly memoryBytes: number
}

/** Kinds of programs by what they are used for. */
type ProgramKind = 'decoder' | 'probe' | 'encoder' | 'resolver'

const MIB = 1024 * 1024
/** Share of the machine's or the container's memory: a program fails by itself before the kernel kills a process. */
const SHARE = 0.75
/** Threads have less on other systems (1 MiB on Windows). On a node of 64 cores, 8 MiB each would be the whole limit. */
const THREAD_STACK_BYTES = 2 * MIB

/** Returns the limits of each kind on a machine or in a container of this memory, in bytes. */
export function createProgramLimits(hostBytes: number): Readonly<Record<ProgramKind, ProgramLimits>> {
  const shareBytes = Math.floor(hostBytes * SHARE)
  const ffmpeg = { cpuSec: null, stackBytes: THREAD_STACK_BYTES, tree: null }
  return {
    // 4K pictures with the largest picture buffer. It runs as long as its stream, and each batch has a deadline.
    decoder: { ...ffmpeg, memoryBytes: Math.min(768 * MIB, shareBytes), fileBytes: 0 },
    // The index of a film of a day, or some frames of 6K.
    probe: { ...ffmpeg, memoryBytes: Math.min(2048 * MIB, shareBytes), fileBytes: 0 },
    // What a ladder of 4K takes depends on the job. Watchdogs bound its time and its files.
    encoder: { ...ffmpeg, memoryBytes: shareBytes, fileBytes: null },
    // Python, and the JavaScript runtime that solves a site's challenges. Deno sets 600 MiB aside and uses a tenth of it.
    resolver: {
      memoryBytes: Math.min(1024 * MIB, shareBytes),
      cpuSec: 60,
      fileBytes: 16 * MIB,
      stackBytes: null,
      tree: { processes: 16, memoryBytes: Math.min(512 * MIB, shareBytes) },
    },
  }
}

/** The limits of each kind on this machine. */
export const PROGRAM_LIMITS = createProgramLimits(Math.min(totalmem(), process.constrainedMemory() || Infinity))

/** Sets limits and then becomes the program: prlimit(1) of util-linux. */
const PRLIMIT = '/usr/bin/prlimit'
/** Seconds from the signal that ends a program to the one that no program can ignore. */
const CPU_GRACE_SEC = 2

/** Returns the command that sets limits and then becomes the program that follows it; none without prlimit(1). */
export function limitCommand(limits: ProgramLimits): readonly string[] {
  if (!existsSync(PRLIMIT)) return []
  return [PRLIMIT, ...limitOptions(limits, readHardLimits()), '--']
}

/** Hard limits of this process by the names of /proc/PID/limits; a limit that is not set is missing. */
type HardLimits = ReadonlyMap<string, number>

/** Returns prlimit's options. No limit exceeds that of this process, which only root may raise. */
export function limitOptions(limits: ProgramLimits, hard: HardLimits): readonly string[] {
  const { memoryBytes, cpuSec, fileBytes, stackBytes } = limits
  const within = (name: string, wanted: number) => Math.min(wanted, hard.get(name) ?? Infinity)
  return [
    // A core dump of a hostile stream would fill the disk.
    '--core=0',
    `--data=${within('Max data size', memoryBytes)}`,
    ...(cpuSec === null
      ? []
      : [`--cpu=${within('Max cpu time', cpuSec)}:${within('Max cpu time', cpuSec + CPU_GRACE_SEC)}`]),
    ...(fileBytes === null ? [] : [`--fsize=${within('Max file size', fileBytes)}`]),
    ...(stackBytes === null ? [] : [`--stack=${within('Max stack size', stackBytes)}:`]),
  ]
}

/** Parses the hard limits of /proc/PID/limits (proc(5)). */
export function parseHardLimits(text: string): HardLimits {
  const lines = text.matchAll(/^(Max [a-z ]+?) {2,}(?:\d+|unlimited) +(\d+) /gm)
  return new Map([...lines].map(([, name = '', limit]) => [name, Number(limit)]))
}

function readHardLimits(): HardLimits {
  try {
    return parseHardLimits(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return new Map()
  }
}
