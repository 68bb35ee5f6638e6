import type { Context, Db } from '../context.ts'
import { withDeadline } from '../deadline.ts'
import { countPending } from '../outbox/store.ts'
import type { System } from '../system.ts'
import { WORKER_STATES } from '../workers/status/state.ts'
import { countWorkers } from '../workers/status/store.ts'
import { FIGURES, type Reading } from './figures.ts'

/** How long whoever scrapes waits for the database, in ms; what is kept in the process is shown in any case. */
const READ_WITHIN_MS = 2000

/**
 * Reads the figures that stand in the database. However often it is asked, it asks the database for one set at a time,
 * so that scrapes cannot pile up on a slow one. Where that fails there is one log line for the whole outage.
 */
export function createFigureReader(context: Context, systems: readonly System[]): () => Promise<readonly Reading[]> {
  let underWay: Promise<readonly Reading[]> | null = null
  let isFailing = false
  async function readAll(): Promise<readonly Reading[]> {
    const kinds = systems.map((system) => system.workerKind.kind)
    const own = [readOutbox(context.db), readWorkers(context.db, kinds)]
    return (await Promise.all([...own, ...systems.map((system) => system.readings(context))])).flat()
  }
  return async () => {
    underWay ??= readAll().finally(() => {
      underWay = null
    })
    try {
      const readings = await withDeadline(underWay, READ_WITHIN_MS)
      isFailing = false
      return [...readings, databaseUp(1)]
    } catch (error) {
      if (!isFailing) context.log.warn('figures cannot be read from the database', { error })
      isFailing = true
      return [databaseUp(0)]
    }
  }
}

function databaseUp(value: 0 | 1): Reading {
  return { name: 'tallylight_database_up', labels: {}, value }
}

async function readOutbox(db: Db): Promise<readonly Reading[]> {
  const rows = await countPending(db)
  return FIGURES.tallylight_webhooks_pending.labels.policy.flatMap((policy): readonly Reading[] => {
    const { pending, oldestSec } = rows.find((row) => row.policy === policy) ?? { pending: 0, oldestSec: 0 }
    return [
      { name: 'tallylight_webhooks_pending', labels: { policy }, value: pending },
      { name: 'tallylight_webhooks_oldest_pending_seconds', labels: { policy }, value: oldestSec },
    ]
  })
}

async function readWorkers(db: Db, kinds: readonly string[]): Promise<readonly Reading[]> {
  const found = await countWorkers(db)
  return kinds.flatMap((kind): readonly Reading[] => [
    ...WORKER_STATES.map((state): Reading => {
      const value = found.find((row) => row.kind === kind && row.state === state)?.workers ?? 0
      return { name: 'tallylight_workers', labels: { kind, state }, value }
    }),
    {
      name: 'tallylight_launch_queue_seconds',
      labels: { kind },
      value: Math.max(0, ...found.filter((row) => row.kind === kind).map((row) => row.dueSec)),
    },
  ])
}
