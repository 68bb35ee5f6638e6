import { readdirSync, readFileSync } from 'node:fs'

import type { TreeLimits } from './program-limits.ts'

const INTERVAL_MS = 250
/** Size of a page of memory, in which statm counts; the smallest that Linux has. */
const PAGE_BYTES = 4096

/** Watches a program with all that it starts, by /proc (proc(5)). */
export type TreeWatch = {
  /** Returns which limit was exceeded, or `null`. */
  exceeded(): string | null
  stop(): void
}

const UNWATCHED: TreeWatch = { exceeded: () => null, stop: () => {} }

/**
 * Starts to watch the tree of a program that has limits and was started; calls `onExceeded` once it exceeds them. Sees
 * nothing without /proc.
 */
export function watchTree(root: number | undefined, limits: TreeLimits | null, onExceeded: () => void): TreeWatch {
  if (root === undefined || limits === null) return UNWATCHED
  let reason: string | null = null
  const timer = setInterval(() => {
    reason = findExcess(listTree(root, limits.processes + 1), limits)
    if (reason === null) return
    clearInterval(timer)
    onExceeded()
  }, INTERVAL_MS)
  return { exceeded: () => reason, stop: () => clearInterval(timer) }
}

function findExcess(pids: readonly number[], { processes, memoryBytes }: TreeLimits): string | null {
  if (pids.length > processes) return `it started more than ${processes} processes`
  const bytes = pids.reduce((sum, pid) => sum + readResidentBytes(pid), 0)
  return bytes > memoryBytes ? `it took more than ${memoryBytes} bytes of memory` : null
}

/** Returns a process and those that it and they have started, until there are `most`. */
function listTree(root: number, most: number): readonly number[] {
  const pids = [root]
  for (const pid of pids) {
    if (pids.length >= most) break
    pids.push(...listChildren(pid))
  }
  return pids
}

function listChildren(pid: number): readonly number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.flatMap((thread) => {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim()
      return children === '' ? [] : children.split(' ').map(Number)
    })
  } catch {
    // It has ended.
    return []
  }
}

function readResidentBytes(pid: number): number {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Number(pages) * PAGE_BYTES
  } catch {
    return 0
  }
}
