import type { Log } from '../../shared/log.ts'
import { LauncherUnavailable } from '../ports/launcher.ts'
import type { PeriodicTask } from './periodic-task.ts'
import { mergeReasons, NO_REASONS, type WakeReasons } from './wake-reasons.ts'

/** Each task runs at least at this interval, in ms, also without a request: another gateway may have left work. */
const LONGEST_PAUSE_MS = 4000

/** Backoff after failures, in ms, doubling from the first to the longest; a request does not shorten it. */
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 5000
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

/** Returns a scheduler for tasks that fail apart: one that fails backs off, and is logged once until it works again. */
export function createScheduler(log: Log, tasks: readonly PeriodicTask[], memory: SchedulerMemory): Scheduler {
  const scheduled = tasks.map((task) => scheduleTask(log, task, recall(memory, task.name)))
  return {
    tasks: scheduled,
    run: async (reasons) => Math.min(...(await Promise.all(scheduled.map((run) => run(reasons))))),
  }
}

function recall(memory: SchedulerMemory, name: string): TaskMemory {
  const known = memory.get(name) ?? { failures: 0, notBeforeMs: -Infinity, reasons: NO_REASONS }
  memory.set(name, known)
  return known
}

function scheduleTask(log: Log, task: PeriodicTask, memory: TaskMemory): ScheduledTask {
  async function runOnce(): Promise<number> {
    const nowMs = performance.now()
    const { reasons } = memory
    if (nowMs < memory.notBeforeMs && !reasons.everything) return memory.notBeforeMs - nowMs
    memory.notBeforeMs = nowMs + task.everyMs
    memory.reasons = NO_REASONS
    try {
      const pauseMs = await task.run(reasons)
      if (memory.failures > 0) log.info('periodic work goes on', { work: task.name, failures: memory.failures })
      memory.failures = 0
      return pauseMs ?? LONGEST_PAUSE_MS
    } catch (error) {
      memory.reasons = mergeReasons(memory.reasons, { ...reasons, everything: false })
      memory.failures++
      if (memory.failures === 1) log.error('periodic work failed', { work: task.name, error })
      const backoffMs = backoffAfter(memory.failures, error)
      memory.notBeforeMs = performance.now() + backoffMs
      return backoffMs
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return (reasons) => {
    memory.reasons = mergeReasons(memory.reasons, reasons)
    const next = last.then(runOnce).then((pauseMs) => Math.min(Math.max(0, pauseMs), LONGEST_PAUSE_MS))
    last = next
    return next
  }
}

function backoffAfter(failures: number, error: unknown): number {
  const requestedMs = error instanceof LauncherUnavailable ? (error.retryAfterMs ?? 0) : 0
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2)
  return Math.max(backoffMs, Math.min(requestedMs, LONGEST_REQUESTED_BACKOFF_MS))
}
