import type { Context } from '../../context.ts'
import type { QueuePlace } from '../present.ts'
import type { Job } from '../store.ts'
import { estimateDurationSec, readPlaces } from './store.ts'

/**
 * The places in the queue of those jobs that wait. The start is estimated from what jobs take: with as many
 * workers as may run, one gets free each so often, in the order of the queue; `null` where nothing is known of that yet.
 */
export async function findPlaces(context: Context, jobs: readonly Job[]): Promise<ReadonlyMap<string, QueuePlace>> {
  const waiting = jobs.filter(({ status }) => status === 'queued').map(({ id }) => id)
  if (waiting.length === 0) return new Map()
  const [places, durationSec] = await Promise.all([readPlaces(context.db, waiting), estimateDurationSec(context.db)])
  const { maxWorkers, maxConcurrent } = context.settings.jobs
  const startAt = (place: number) => {
    if (durationSec === null) return null
    return new Date(Date.now() + (place * durationSec * 1000) / (maxWorkers * maxConcurrent)).toISOString()
  }
  return new Map([...places].map(([id, place]) => [id, { position: place, estimated_start_at: startAt(place) }]))
}
