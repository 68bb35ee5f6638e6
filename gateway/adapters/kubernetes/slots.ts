import { untilAborted } from './call-deadline.ts'

/** Lets a given number of calls go on at a time; the others wait in the order in which they came. */
export type Slots = {
  /** Resolves once one is free, with what gives it back. @throws the signal's reason when that aborts first */
  take(signal: AbortSignal): Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()

  function giveBack(): void {
    const [next] = waiting
    if (next === undefined) free += 1
    else next()
  }

  async function wait(signal: AbortSignal): Promise<void> {
    let enter = () => {}
    const turn = new Promise<void>((resolve) => {
      enter = () => {
        waiting.delete(enter)
        resolve()
      }
    })
    waiting.add(enter)
    try {
      await untilAborted(turn, signal)
    } catch (error) {
      if (!waiting.delete(enter)) giveBack()
      throw error
    }
  }

  return {
    async take(signal) {
      if (free > 0) free -= 1
      else await wait(signal)
      return giveBack
    },
  }
}
