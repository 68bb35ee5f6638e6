import type { Log } from '../../shared/log.ts'
import type { DueTimes } from '../database/due-times.ts'
import { LauncherUnavailable } from '../ports/launcher.ts'
import type { PeriodicTask } from './periodic-task.ts'
import { mergeReasons, NO_REASONS, type WakeReasons } from './wake-reasons.ts'

/**
 * Each task runs, or reads when it is due, at least at this interval, in ms, also without a request: another gateway may
 * have left work. The pauses of idle tasks end together, at multiples of it, so that they share one statement.
 */
const LONGEST_PAUSE_MS = 4000

/** Backoff after failures, in ms, doubling from the first to the longest; a request does not shorten it. */
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 5000
/** The longest backoff of a task that runs rarely, in ms: at most a tenth of its interval. */
const LONGEST_RARE_BACKOFF_MS = 60_000
/** The longest pause that a launcher can request. */
const LONGEST_REQUESTED_BACKOFF_MS = 15_000

/** Runs one task if it is due; returns in how many ms it should run again. Never overlaps itself, never throws. */
export type ScheduledTask = (reasons: WakeReasons) => Promise<number>

export type Scheduler = {
  readonly tasks: readonly ScheduledTask[]
  /** Runs all tasks once; returns in how many ms the next run is worthwhile. */
  run(reasons: WakeReasons): Promise<number>
}

/** The state of the tasks between runs, by their names: plain data, kept where a gateway is created for each request. */
export type SchedulerMemory = Map<string, TaskMemory>
type TaskMemory = { failures: number; notBeforeMs: number; reasons: WakeReasons }

/** What a scheduler runs its tasks with. */
export type SchedulerParts = {
  readonly log: Log
  readonly dueTimes: DueTimes
  readonly memory: SchedulerMemory
}

/** Returns a scheduler for tasks that fail apart: one that fails backs off, and is logged once until it works again. */
export function createScheduler({ log, dueTimes, memory }: SchedulerParts, tasks: readonly PeriodicTask[]): Scheduler {
  const scheduled = tasks.map((task) => scheduleTask(log, runWhereDue(task, dueTimes), recall(memory, task.name)))
  return {
    tasks: scheduled,
    run: async (reasons) => Math.min(...(await Promise.all(scheduled.map((run) => run(reasons))))),
  }
}

/** Returns a task that runs where it is due or requested; in any case, it returns in how many ms it should be called again. */
function runWhereDue(task: PeriodicTask, dueTimes: DueTimes): PeriodicTask {
  if (task.dueInMs === undefined) return task
  const readDueTime = dueTimes.add(task.dueInMs)
  return {
    ...task,
    async run(reasons) {
      // Work that was just committed waits for no further statement.
      if (reasons.any && task.everyMs === 0) return task.run(reasons)
      const dueMs = await readDueTime()
      return dueMs === null || dueMs > 0 ? dueMs : task.run(reasons)
    },
  }
}

/** Returns the pause of a task that is due in `dueMs`, or at an unknown time (`null`), in ms. */
function pauseFor(dueMs: number | null): number {
  const longestMs = LONGEST_PAUSE_MS - (performance.now() % LONGEST_PAUSE_MS)
  return Math.max(0, Math.ceil(Math.min(dueMs ?? LONGEST_PAUSE_MS, longestMs)))
}

function recall(memory: SchedulerMemory, name: string): TaskMemory {
  const known = memory.get(name) ?? { failures: 0, notBeforeMs: -Infinity, reasons: NO_REASONS }
  memory.set(name, known)
  return known
}

function scheduleTask(log: Log, task: PeriodicTask, memory: TaskMemory): ScheduledTask {
  async function runOnce(): Promise<number | null> {
    const nowMs = performance.now()
    const { reasons } = memory
    if (nowMs < memory.notBeforeMs && !reasons.everything) return memory.notBeforeMs - nowMs
    memory.notBeforeMs = nowMs + task.everyMs
    memory.reasons = NO_REASONS
    try {
      const pauseMs = await task.run(reasons)
      if (memory.failures > 0) log.info('periodic work goes on', { work: task.name, failures: memory.failures })
      memory.failures = 0
      return pauseMs
    } catch (error) {
      memory.reasons = mergeReasons(memory.reasons, { ...reasons, everything: false })
      memory.failures++
      if (memory.failures === 1) log.error('periodic work failed', { work: task.name, error })
      const backoffMs = backoffAfter(task, memory.failures, error)
      memory.notBeforeMs = performance.now() + backoffMs
      return backoffMs
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return (reasons) => {
    memory.reasons = mergeReasons(memory.reasons, reasons)
    const next = last.then(runOnce).then(pauseFor)
    last = next
    return next
  }
}

function backoffAfter({ everyMs }: PeriodicTask, failures: number, error: unknown): number {
  const longestMs = Math.max(LONGEST_BACKOFF_MS, Math.min(everyMs / 10, LONGEST_RARE_BACKOFF_MS))
  const requestedMs = error instanceof LauncherUnavailable ? (error.retryAfterMs ?? 0) : 0
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), longestMs) * (0.5 + Math.random() / 2)
  return Math.max(backoffMs, Math.min(requestedMs, LONGEST_REQUESTED_BACKOFF_MS))
}
