import type { DueInMs } from '../database/due-times.ts'
import type { WakeReasons } from './wake-reasons.ts'

/** Work that a gateway repeats: safe to run anywhere, at any time, and by several gateways at once. */
export type PeriodicTask = {
  readonly name: string
  /** Shortest interval between two runs, in ms; 0: at every run of the scheduler, so also at every wake-up. */
  readonly everyMs: number
  /** When a run would find something: the task runs then only. Left out where the database does not know it. */
  readonly dueInMs?: DueInMs
  /** Returns in how many ms the next run is due; `null` where that is unknown. */
  readonly run: (reasons: WakeReasons) => Promise<number | null>
}

/** Interval of work that no client waits for, in ms. */
export const RARELY_MS = 600_000

/** Interval of work that finds what a clock makes due, in ms. */
export const OFTEN_MS = 2000

/** Returns a task that runs at an interval, or while `dueInMs` says so, and does not know when its next run is due. */
export function taskAtInterval(
  name: string,
  everyMs: number,
  run: () => Promise<void>,
  dueInMs?: DueInMs,
): PeriodicTask {
  return {
    name,
    everyMs,
    ...(dueInMs === undefined ? {} : { dueInMs }),
    async run() {
      await run()
      return null
    },
  }
}
