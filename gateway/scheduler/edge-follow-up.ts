import type { Log } from '../../shared/log.ts'
import { withDeadline } from '../../shared/with-deadline.ts'
import type { Wake } from '../ports/wake.ts'
import type { WakeReasons } from './wake-reasons.ts'
import { createWakeSignal } from './wake-signal.ts'

/** How long the webhooks that are being sent may take when time is up, in ms: one takes 10 s at most. */
const LAST_WEBHOOKS_MS = 11_000

/** The periodic work of one gateway, as a follow-up needs it. */
export type FollowedWork = {
  run(reasons: WakeReasons): Promise<number>
  /** Resolves once the current webhooks are sent; starts no others. */
  drain(): Promise<void>
  /** Returns in how many ms something becomes due; `null` where nothing does within `leftMs`. */
  nextDueInMs(leftMs: number): Promise<number | null>
}

/** Runs the periodic work after an invocation on a runtime that has no process of its own, and so no loop. */
export type EdgeFollowUp = {
  /** Requests a run after the invocation's own work. */
  readonly wake: Wake
  /** Whether a run was requested. */
  isRequested(): boolean
  /**
   * Runs the work until nothing becomes due before `budgetMs` have passed and the current webhooks are sent: a launch, a
   * webhook and its first retries wait for no external clock. Never throws.
   */
  run(log: Log, work: FollowedWork, budgetMs: number): Promise<void>
}

/** Creates the follow-up of one invocation. */
export function createEdgeFollowUp(): EdgeFollowUp {
  const signal = createWakeSignal()
  const sleep = signal.createSleeper()
  let isRequested = false

  async function runUntil(work: FollowedWork, endMs: number): Promise<void> {
    for (let pauseMs: number | null = 0; pauseMs !== null;) {
      const reasons = await sleep(pauseMs)
      isRequested = false
      await work.run(reasons)
      const leftMs = endMs - performance.now()
      pauseMs = leftMs > 0 ? await work.nextDueInMs(leftMs) : null
      if (isRequested && leftMs > 0) pauseMs = 0
    }
  }

  return {
    wake(reason) {
      isRequested = true
      // No later run picks up a task that has put its work off, so every task runs now.
      signal.wake(reason === 'workers' ? 'everything' : reason)
    },
    isRequested: () => isRequested,
    async run(log, work, budgetMs) {
      try {
        await runUntil(work, performance.now() + budgetMs)
        await withDeadline(work.drain(), LAST_WEBHOOKS_MS)
      } catch (error) {
        log.warn('periodic work broke off; the next round goes on with it', { error })
      }
    },
  }
}
