import type { Context } from './context.ts'
import { forgetOldKeys } from './http/store.ts'
import { createDeliverer } from './outbox/deliver.ts'
import type { System } from './system.ts'
import type { WorkerKind } from './workers/kind.ts'
import { launchDue } from './workers/launch-due.ts'
import { settleWorkers } from './workers/settle-workers.ts'

/** A round at the latest after this, also when nothing asks for one: another gateway may have left something. */
const LONGEST_PAUSE_MS = 4000

export type Rounds = {
  /** One round of all periodic work; gives in how many ms the next is worth while. */
  run(): Promise<number>
  /** Frees what gateways that are gone had taken; once, at start. */
  takeOver(): Promise<void>
  /** Resolves once the webhooks at hand are sent; none is begun any more. */
  drain(): Promise<void>
}

type Work = {
  readonly name: string
  /** Not more often than this; 0: in every round. */
  readonly everyMs: number
  /** Gives in how many ms there will be something to do; `null` where that is not known. */
  readonly run: () => Promise<number | null>
}

/** What nobody waits for. */
const RARELY_MS = 600_000

/**
 * The periodic work of a gateway: settle workers, launch due ones, deliver due webhooks, each system's own. Safe to run
 * anywhere, at any time, and by several gateways at once. Where one piece fails the others go on, and it is logged once
 * until it works again.
 */
export function createRounds(context: Context, systems: readonly System[]): Rounds {
  const kinds = systems.map((system) => system.workerKind)
  const deliverer = createDeliverer(context, async (tx, event) => {
    for (const system of systems) await system.onWebhookExhausted(tx, event)
  })
  const works: Work[] = [
    { name: 'deliver webhooks', everyMs: 0, run: () => deliverer.round() },
    { name: 'run workers', everyMs: 0, run: () => runWorkers(context, kinds) },
    ...systems.map(({ name, tick }) => ({ name, everyMs: LONGEST_PAUSE_MS / 2, run: () => quietly(tick(context)) })),
    { name: 'forget old keys', everyMs: RARELY_MS, run: () => quietly(forgetOldKeys(context.db)) },
  ]
  const failing = new Set<string>()
  const lastRunMs = new Map<string, number>()
  return {
    async run() {
      const nowMs = performance.now()
      const due = works.filter(({ name, everyMs }) => nowMs - (lastRunMs.get(name) ?? -Infinity) >= everyMs)
      for (const { name } of due) lastRunMs.set(name, nowMs)
      const pauses = await Promise.all(due.map((work) => attempt(context, work, failing)))
      return Math.max(0, Math.min(LONGEST_PAUSE_MS, ...pauses.filter((pause) => pause !== null)))
    },
    takeOver: () => deliverer.takeOver(),
    drain: () => deliverer.drain(),
  }
}

async function runWorkers(context: Context, kinds: readonly WorkerKind[]): Promise<number | null> {
  await settleWorkers(context, kinds)
  return launchDue(context, kinds)
}

async function quietly(work: Promise<void>): Promise<null> {
  await work
  return null
}

/** Runs one piece of work; its failure is one log line for the whole outage, and the next round tries again. */
async function attempt(context: Context, work: Work, failing: Set<string>): Promise<number | null> {
  try {
    const pause = await work.run()
    if (failing.delete(work.name)) context.log.info('periodic work goes on', { work: work.name })
    return pause
  } catch (error) {
    if (!failing.has(work.name)) context.log.error('periodic work failed', { work: work.name, error })
    failing.add(work.name)
    return null
  }
}
