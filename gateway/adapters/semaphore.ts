import { rejectOnAbort } from './call-deadline.ts'

/** Limits how many callers go on at a time. The others wait in the order in which they came. */
export type Semaphore = {
  /** Resolves with the function that releases the permit. @throws the signal's reason if that aborts first */
  acquire(signal: AbortSignal): Promise<() => void>
  /** Returns how many callers wait. */
  waiting(): number
}

/** Creates a semaphore with this number of permits. */
export function createSemaphore(permits: number): Semaphore {
  let free = permits
  const waiting = new Set<() => void>()

  function release(): void {
    const [next] = waiting
    if (next === undefined) free += 1
    else next()
  }

  async function waitForPermit(signal: AbortSignal): Promise<void> {
    let enter = () => {}
    const turn = new Promise<void>((resolve) => {
      enter = () => {
        waiting.delete(enter)
        resolve()
      }
    })
    waiting.add(enter)
    try {
      await rejectOnAbort(turn, signal)
    } catch (error) {
      // The permit may have come in the moment of the abort: it goes to the next caller.
      if (!waiting.delete(enter)) release()
      throw error
    }
  }

  return {
    async acquire(signal) {
      if (free > 0) free -= 1
      else await waitForPermit(signal)
      return release
    },
    waiting: () => waiting.size,
  }
}
