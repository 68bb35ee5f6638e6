import type { Wake } from '../ports/wake.ts'
import { mergeReasons, NO_REASONS, type WakeReasons } from './wake-reasons.ts'

/** Sleeps for `ms` or until the signal wakes it; returns the reasons for which it was woken since its last sleep. */
export type Sleep = (ms: number) => Promise<WakeReasons>

/** Wakes all its sleepers. */
export type WakeSignal = {
  readonly wake: Wake
  /** Returns a sleeper of its own. One that is woken while it works does not sleep at all the next time. */
  createSleeper(): Sleep
}

/** Creates a signal without sleepers. */
export function createWakeSignal(): WakeSignal {
  const wakes: Wake[] = []
  return {
    wake(reason) {
      for (const wake of wakes) wake(reason)
    },
    createSleeper() {
      const { wake, sleep } = createSleeper()
      wakes.push(wake)
      return sleep
    },
  }
}

function createSleeper(): { readonly wake: Wake; readonly sleep: Sleep } {
  let isWoken = false
  let reasons = NO_REASONS
  let wakeUp = () => {}
  return {
    wake(reason) {
      isWoken = true
      reasons = mergeReasons(reasons, { any: true, workers: reason === 'workers', everything: reason === 'everything' })
      wakeUp()
    },
    async sleep(ms) {
      if (!isWoken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wakeUp = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      const found = reasons
      isWoken = false
      reasons = NO_REASONS
      return found
    },
  }
}
