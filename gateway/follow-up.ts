import type { Context, Wake } from './context.ts'
import { withDeadline } from './deadline.ts'
import { createBell } from './loop.ts'
import { laneHolders, nextDueInMs } from './outbox/store.ts'
import type { Rounds } from './rounds.ts'
import { nextLaunchInMs } from './workers/store.ts'

/** What is at hand when time is up has so long to end, in ms: one webhook takes 10 s at most. */
const LAST_WEBHOOKS_MS = 11_000

/** The periodic work of one invocation on a runtime that has no process of its own, and so no loop. */
export type FollowUp = {
  /** Asks for a round after the invocation's own work. */
  readonly wake: Wake
  /** The same rounds; whoever runs one by them asks for what follows from it as well. */
  following(rounds: Rounds): Rounds
  /** Whether a round was asked for. */
  isWanted(): boolean
  /**
   * Runs rounds until nothing becomes due before `budgetMs` have passed, and the webhooks at hand are sent: a launch, a
   * webhook and its first retries wait for no clock outside. Never throws.
   */
  run(context: Context, rounds: Rounds, budgetMs: number): Promise<void>
}

export function createFollowUp(): FollowUp {
  const bell = createBell()
  const sleep = bell.sleeper()
  let wanted = false
  const wake: Wake = (what) => {
    wanted = true
    // Nobody comes back to what a piece of work has put off.
    bell.ring(what === 'workers' ? 'everything' : what)
  }

  async function runRounds(context: Context, rounds: Rounds, endMs: number): Promise<void> {
    for (let pauseMs: number | null = 0; pauseMs !== null;) {
      const asked = await sleep(pauseMs)
      wanted = false
      await rounds.run(asked)
      const leftMs = endMs - performance.now()
      pauseMs = leftMs > 0 ? await nextPauseMs(context, leftMs) : null
      if (wanted && leftMs > 0) pauseMs = 0
    }
  }

  return {
    wake,
    following: (rounds) => ({
      ...rounds,
      run: (asked) => rounds.run(asked).finally(wake),
      reconcile: () => rounds.reconcile().finally(wake),
    }),
    isWanted: () => wanted,
    async run(context, rounds, budgetMs) {
      try {
        await runRounds(context, rounds, performance.now() + budgetMs)
        await withDeadline(rounds.drain(), LAST_WEBHOOKS_MS)
      } catch (error) {
        context.log.warn('periodic work broke off; the next round goes on with it', { error })
      }
    },
  }
}

/** For how long nothing will be due; a lane at hand rings when it is done. `null`: for longer than is left. */
async function nextPauseMs({ db, identity }: Context, leftMs: number): Promise<number | null> {
  const holders = await laneHolders(db)
  if (holders.includes(identity.id)) return leftMs
  const dueMs = Math.min((await nextDueInMs(db)) ?? Infinity, (await nextLaunchInMs(db)) ?? Infinity)
  return dueMs < leftMs ? Math.max(0, dueMs) : null
}
