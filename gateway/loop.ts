import type { Rounds } from './rounds.ts'

/** A bell: `wait` sleeps until it is rung, or for as long as told. Rung while nobody sleeps, the next sleep is none. */
export type Bell = { ring(): void; wait(ms: number): Promise<void> }

export function createBell(): Bell {
  let rung = false
  let wakeUp = () => {}
  return {
    ring() {
      rung = true
      wakeUp()
    },
    async wait(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wakeUp = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
    },
  }
}

export type Loop = {
  /** Begins no further round; resolves once the one at hand is over. */
  stop(): Promise<void>
}

/** Runs the periodic work one round after the other, at the latest when the last one said, sooner when the bell rings. */
export function startLoop(rounds: Rounds, bell: Bell): Loop {
  const stopping = new AbortController()
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) await bell.wait(await rounds.run())
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      bell.ring()
      await running
    },
  }
}
