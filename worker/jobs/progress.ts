import type { TaskSpec } from '../../shared/contract/jobs.ts'

/** The phases of a task, in the order in which they run; each kind of task has some of them. */
export type TaskPhase = 'fetch' | 'split' | 'encode' | 'join' | 'finish' | 'validate' | 'store'

/** Share of a task's time that each phase takes, in percent; an average over jobs. A split job ends its task at 10 %. */
const PHASE_WEIGHTS: Readonly<Record<TaskSpec['task'], readonly (readonly [TaskPhase, number])[]>> = {
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

/** Progress of an unfinished task stays below 100, which stands for `done`. */
const MAX_UNFINISHED_PERCENT = 99.9

/**
 * Returns the progress of a task from 0 to 99.9, with one decimal, once `share` (0 to 1) of a phase is complete.
 * Earlier phases count as complete. The result is never less than `previous`.
 */
export function advanceProgress(previous: number, task: TaskSpec['task'], phase: TaskPhase, share: number): number {
  const weights = PHASE_WEIGHTS[task]
  const index = weights.findIndex(([name]) => name === phase)
  const earlier = weights.slice(0, Math.max(index, 0)).reduce((sum, [, weight]) => sum + weight, 0)
  const percent = earlier + (weights[index]?.[1] ?? 0) * Math.min(1, Math.max(0, share))
  return Math.max(previous, Math.min(MAX_UNFINISHED_PERCENT, Math.floor(percent * 10) / 10))
}
