import type { JobOrder } from '../../shared/contract/jobs.ts'

/** What a task's worker does, in this order; none does all of it. */
export type Phase = 'fetch' | 'split' | 'encode' | 'join' | 'finish' | 'validate' | 'store'

/**
 * How much of a task's time each phase takes, in percent, as far as that can be said of all jobs. Whoever splits a job
 * has come to the first tenth of it.
 */
const WEIGHTS: Readonly<Record<JobOrder['task'], readonly (readonly [Phase, number])[]>> = {
  encode: [
    ['fetch', 7],
    ['split', 3],
    ['encode', 75],
    ['finish', 3],
    ['validate', 4],
    ['store', 8],
  ],
  chunk: [['encode', 100]],
  join: [
    ['join', 70],
    ['finish', 3],
    ['validate', 7],
    ['store', 20],
  ],
  sweep: [['store', 100]],
  tidy: [['store', 100]],
}

/** Everything but the last word: 100 is said of what is done. */
const MOST = 99.9

/**
 * Progress of a task, 0 to 99.9 with one decimal: `share` of a phase (0 to 1) is behind it, and all phases before.
 * It never falls below what was told before.
 */
export function advanced(before: number, task: JobOrder['task'], phase: Phase, share: number): number {
  const weights = WEIGHTS[task]
  const at = weights.findIndex(([name]) => name === phase)
  const behind = weights.slice(0, Math.max(at, 0)).reduce((sum, [, weight]) => sum + weight, 0)
  const percent = behind + (weights[at]?.[1] ?? 0) * Math.min(1, Math.max(0, share))
  return Math.max(before, Math.min(MOST, Math.floor(percent * 10) / 10))
}
