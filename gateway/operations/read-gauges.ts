import { withDeadline } from '../../shared/with-deadline.ts'
import type { Context } from '../context.ts'
import { WEBHOOKS_OLDEST_PENDING, WEBHOOKS_PENDING } from '../outbox/metrics.ts'
import { POLICIES } from '../outbox/retry-schedule.ts'
import { countPending } from '../outbox/store/events.ts'
import type { Db } from '../ports/database.ts'
import type { GaugeSample } from '../ports/metrics.ts'
import type { MountedSystem } from '../system.ts'
import { LAUNCH_QUEUE, WORKERS } from '../workers/metrics.ts'
import { countWorkers } from '../workers/store/worker-status.ts'
import { WORKER_STATES } from '../workers/worker-states.ts'
import { DATABASE_UP } from './metrics.ts'

/** How long a scrape waits for the database, in ms; the metrics that the process holds are shown in any case. */
const READ_WITHIN_MS = 2000

/**
 * Returns a function that reads the sampled gauges. Concurrent scrapes share one set of queries, so that they cannot pile
 * up on a slow database. Where a read fails, one log line stands for the whole outage.
 */
export function createGaugeReader(
  context: Context,
  systems: readonly MountedSystem[],
): () => Promise<readonly GaugeSample[]> {
  let current: Promise<readonly GaugeSample[]> | null = null
  let isFailing = false
  async function readAll(): Promise<readonly GaugeSample[]> {
    const kinds = systems.flatMap((system) => system.workerKinds.map(({ kind }) => kind))
    const kernel = [readOutbox(context.db), readWorkers(context.db, kinds)]
    return (await Promise.all([...kernel, ...systems.map((system) => system.readGauges())])).flat()
  }
  return async () => {
    current ??= readAll().finally(() => {
      current = null
    })
    try {
      const samples = await withDeadline(current, READ_WITHIN_MS)
      isFailing = false
      return [...samples, databaseUp(1)]
    } catch (error) {
      if (!isFailing) context.log.warn('metrics cannot be read from the database', { error })
      isFailing = true
      return [databaseUp(0)]
    }
  }
}

function databaseUp(value: 0 | 1): GaugeSample {
  return { metric: DATABASE_UP, labels: {}, value }
}

async function readOutbox(db: Db): Promise<readonly GaugeSample[]> {
  const rows = await countPending(db)
  return POLICIES.flatMap((policy): readonly GaugeSample[] => {
    const { pending, oldestSec } = rows.find((row) => row.policy === policy) ?? { pending: 0, oldestSec: 0 }
    return [
      { metric: WEBHOOKS_PENDING, labels: { policy }, value: pending },
      { metric: WEBHOOKS_OLDEST_PENDING, labels: { policy }, value: oldestSec },
    ]
  })
}

async function readWorkers(db: Db, kinds: readonly string[]): Promise<readonly GaugeSample[]> {
  const rows = await countWorkers(db)
  return kinds.flatMap((kind): readonly GaugeSample[] => [
    ...WORKER_STATES.map((state): GaugeSample => {
      const value = rows.find((row) => row.kind === kind && row.state === state)?.workers ?? 0
      return { metric: WORKERS, labels: { kind, state }, value }
    }),
    {
      metric: LAUNCH_QUEUE,
      labels: { kind },
      value: Math.max(0, ...rows.filter((row) => row.kind === kind).map((row) => row.dueSec)),
    },
  ])
}
