import { both, NOTHING_ASKED, type Asked } from './asked.ts'
import type { Context } from './context.ts'
import { forgetOldKeys } from './http/store.ts'
import { createDeliverer } from './outbox/deliver.ts'
import type { System } from './system.ts'
import { quietly, RARELY_MS, type Work } from './work.ts'
import { launchDue } from './workers/launch-due.ts'
import { LauncherUnavailable } from './workers/launcher.ts'
import { createReconciler, createReconcilerMemory, type ReconcilerMemory } from './workers/reconciler.ts'
import type { SettleReport } from './workers/settle-workers.ts'
import { renewLeases } from './workers/store.ts'

/** Each piece runs at the latest after this, also when nothing asks for it: another gateway may have left something. */
const LONGEST_PAUSE_MS = 4000

/** After a failure a piece of work rests, twice as long each time, within these; who asks for it changes nothing. */
const FIRST_REST_MS = 250
const LONGEST_REST_MS = 5000
/** … or as long as it was asked to, up to this. */
const LONGEST_ASKED_REST_MS = 15_000

/** Does what is due of one piece of work; gives in how many ms it is worth while again. One at a time; never throws. */
export type Piece = (asked: Asked) => Promise<number>

export type Rounds = {
  readonly pieces: readonly Piece[]
  /** One round of all pieces; gives in how many ms the next is worth while. */
  run(asked: Asked): Promise<number>
  /** Compares workers with records now, whatever is due. */
  reconcile(): Promise<SettleReport>
  /** Frees what gateways that are gone had taken, and hears workers out that had none to talk to; once, at start. */
  takeOver(): Promise<void>
  /** Resolves once the webhooks at hand are sent; none is begun any more. */
  drain(): Promise<void>
}

/** What is remembered from one round to the next: plain data, to be kept where a gateway is made anew for each request. */
export type RoundsMemory = {
  readonly pieces: Map<string, PieceMemory>
  readonly reconciler: ReconcilerMemory
}
type PieceMemory = { failures: number; notBeforeMs: number; asked: Asked }

export function createMemory(): RoundsMemory {
  return { pieces: new Map(), reconciler: createReconcilerMemory() }
}

/**
 * The periodic work of a gateway: settle workers, launch due ones, deliver due webhooks, each system's own. Safe to run
 * anywhere, at any time, and by several gateways at once. Where one piece fails the others go on; it rests for a
 * while, and is logged once until it works again.
 */
export function createRounds(context: Context, systems: readonly System[], memory = createMemory()): Rounds {
  const kinds = systems.map((system) => system.workerKind)
  const deliverer = createDeliverer(context, async (tx, event) => {
    for (const system of systems) await system.onWebhookExhausted(tx, event)
  })
  const reconciler = createReconciler(context, kinds, memory.reconciler)
  const works: Work[] = [
    { name: 'deliver webhooks', everyMs: 0, run: () => deliverer.round() },
    { name: 'settle workers', everyMs: 0, run: (asked) => reconciler.round(asked) },
    { name: 'launch workers', everyMs: 0, run: () => launchDue(context, kinds) },
    ...systems.flatMap((system) => system.works(context)),
    { name: 'forget old keys', everyMs: RARELY_MS, run: () => quietly(forgetOldKeys(context.db)) },
  ]
  const pieces = works.map((work) => createPiece(context, work, recall(memory, work.name)))
  return {
    pieces,
    run: async (asked) => Math.min(...(await Promise.all(pieces.map((piece) => piece(asked))))),
    reconcile: () => reconciler.pass(),
    async takeOver() {
      await deliverer.takeOver()
      await renewLeases(context.db)
    },
    drain: () => deliverer.drain(),
  }
}

function recall({ pieces }: RoundsMemory, name: string): PieceMemory {
  const memory = pieces.get(name) ?? { failures: 0, notBeforeMs: -Infinity, asked: NOTHING_ASKED }
  pieces.set(name, memory)
  return memory
}

/** One piece of work with its clock. Its failure is one log line for the whole outage. */
function createPiece(context: Context, work: Work, memory: PieceMemory): Piece {
  async function runOnce(): Promise<number> {
    const nowMs = performance.now()
    const { asked } = memory
    if (nowMs < memory.notBeforeMs && !asked.everything) return memory.notBeforeMs - nowMs
    memory.notBeforeMs = nowMs + work.everyMs
    memory.asked = NOTHING_ASKED
    try {
      const pause = await work.run(asked)
      const { failures } = memory
      if (failures > 0) context.log.info('periodic work goes on', { work: work.name, failures })
      memory.failures = 0
      return pause ?? LONGEST_PAUSE_MS
    } catch (error) {
      memory.asked = both(memory.asked, { ...asked, everything: false })
      memory.failures++
      if (memory.failures === 1) context.log.error('periodic work failed', { work: work.name, error })
      const restMs = restAfter(memory.failures, error)
      memory.notBeforeMs = performance.now() + restMs
      return restMs
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return (asked) => {
    memory.asked = both(memory.asked, asked)
    const next = last.then(runOnce).then((pauseMs) => Math.min(Math.max(0, pauseMs), LONGEST_PAUSE_MS))
    last = next
    return next
  }
}

function restAfter(failures: number, error: unknown): number {
  const askedMs = error instanceof LauncherUnavailable ? (error.retryAfterMs ?? 0) : 0
  const restMs = Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS) * (0.5 + Math.random() / 2)
  return Math.max(restMs, Math.min(askedMs, LONGEST_ASKED_REST_MS))
}
