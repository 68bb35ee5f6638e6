import type { JobsContext } from './context.ts'
import type { QueuePosition } from './present.ts'
import type { Job } from './store/jobs.ts'
import { estimateDurationSec, readQueuePositions } from './store/queue-positions.ts'

/**
 * Returns the queue positions of the waiting ones of some jobs. The estimated start assumes that the slots of all
 * workers become free evenly, one per mean job duration and slot; `null` while no duration is known.
 */
export async function findQueuePositions(
  context: JobsContext,
  jobs: readonly Job[],
): Promise<ReadonlyMap<string, QueuePosition>> {
  const waiting = jobs.filter(({ status }) => status === 'queued').map(({ id }) => id)
  if (waiting.length === 0) return new Map()
  const [positions, durationSec] = await Promise.all([
    readQueuePositions(context.db, waiting),
    estimateDurationSec(context.db),
  ])
  const { maxWorkers, maxConcurrent } = context.settings.jobs
  const startAt = (position: number) => {
    if (durationSec === null) return null
    return new Date(Date.now() + (position * durationSec * 1000) / (maxWorkers * maxConcurrent)).toISOString()
  }
  return new Map([...positions].map(([id, position]) => [id, { position, estimated_start_at: startAt(position) }]))
}
