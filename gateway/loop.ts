import { both, NOTHING_ASKED, type Asked } from './asked.ts'
import type { Wake } from './context.ts'
import type { Rounds } from './rounds.ts'

/** Wakes whoever sleeps on it. */
export type Bell = {
  readonly ring: Wake
  /** A sleeper of its own: it sleeps until the bell rings, or for as long as told, and learns what was asked for. */
  sleeper(): (ms: number) => Promise<Asked>
}

export function createBell(): Bell {
  const rings: Wake[] = []
  return {
    ring(what) {
      for (const ring of rings) ring(what)
    },
    sleeper() {
      const { ring, sleep } = createSleeper()
      rings.push(ring)
      return sleep
    },
  }
}

/** Rung while it is awake, its next sleep is none. */
function createSleeper() {
  let rung = false
  let asked = NOTHING_ASKED
  let wakeUp = () => {}
  const ring: Wake = (what) => {
    rung = true
    asked = both(asked, { workers: what === 'workers', everything: what === 'everything' })
    wakeUp()
  }
  async function sleep(ms: number): Promise<Asked> {
    if (!rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        wakeUp = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const now = asked
    rung = false
    asked = NOTHING_ASKED
    return now
  }
  return { ring, sleep }
}

export type Loop = {
  /** Begins no further round; resolves once those at hand are over. */
  stop(): Promise<void>
}

/**
 * Runs each piece of the periodic work again and again, at the latest when it said itself, sooner when the bell rings.
 * The pieces wait for nothing of each other: a cluster that hangs holds up no webhook.
 */
export function startLoop(rounds: Rounds, bell: Bell): Loop {
  const stopping = new AbortController()
  const running = rounds.pieces.map(async (piece) => {
    const sleep = bell.sleeper()
    let asked: Asked = { ...NOTHING_ASKED, workers: true }
    while (!stopping.signal.aborted) asked = await sleep(await piece(asked))
  })
  return {
    async stop() {
      stopping.abort()
      bell.ring()
      await Promise.all(running)
    },
  }
}
