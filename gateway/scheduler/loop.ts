import type { Scheduler } from './scheduler.ts'
import { NO_REASONS, type WakeReasons } from './wake-reasons.ts'
import type { WakeSignal } from './wake-signal.ts'

export type Loop = {
  /** Starts no further run; resolves once the current runs have ended. */
  stop(): Promise<void>
}

/**
 * Runs each task again and again: when its last run said that the next is due, or sooner when the signal wakes it. The
 * tasks do not wait for each other, so that a cluster that hangs delays no webhook.
 */
export function startLoop(scheduler: Scheduler, signal: WakeSignal): Loop {
  const stopping = new AbortController()
  const running = scheduler.tasks.map(async (run) => {
    const sleep = signal.createSleeper()
    let reasons: WakeReasons = { ...NO_REASONS, any: true, workers: true }
    while (!stopping.signal.aborted) reasons = await sleep(await run(reasons))
  })
  return {
    async stop() {
      stopping.abort()
      signal.wake()
      await Promise.all(running)
    },
  }
}
