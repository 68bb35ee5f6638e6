import * as v from 'valibot'

import { toCursor } from '../../http/paging.ts'
import type { WorkerSubject } from '../../workers/worker-kind.ts'
import { WORKER_STATES } from '../../workers/worker-states.ts'
import type { WorkerRow } from '../../workers/store/worker-status.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A worker as the API shows it. */
const PublicWorker = v.object({
  kind: v.string(),
  assignment_id: v.string(),
  /** What it works on: `monitor_id`, or `job_id` and `task`. */
  runs: v.record(v.string(), v.string()),
  worker: v.string(),
  state: v.picklist(WORKER_STATES),
  launched_by: v.nullable(v.string()),
  launched_at: v.nullable(Moment),
  claimed_at: v.nullable(Moment),
  last_seen_at: v.nullable(Moment),
  next_launch_at: v.nullable(Moment),
  epoch: v.number(),
  attempts: v.number(),
  restarts: v.number(),
})
type PublicWorker = v.InferOutput<typeof PublicWorker>

/** How many records of a system are active, and how many may be. */
const PublicCapacity = v.object({ used: v.number(), limit: v.number() })

/** Answer to `GET /workers/status`. */
export const WorkersStatus = v.object({
  workers: v.array(PublicWorker),
  /** By system. */
  capacity: v.record(v.string(), PublicCapacity),
  pagination: v.object({ limit: v.number(), next_cursor: v.nullable(v.string()) }),
})
export type WorkersStatus = v.InferOutput<typeof WorkersStatus>

/** Returns a worker as the API shows it; `name` is the launcher's. */
export function presentWorker(row: WorkerRow, name: string, subject: WorkerSubject): PublicWorker {
  return {
    kind: row.kind,
    assignment_id: row.id,
    runs: subject,
    worker: name,
    state: row.state,
    launched_by: row.launchedBy,
    launched_at: row.state === 'waiting' ? null : toIso(row.launchedAt),
    claimed_at: row.state === 'waiting' ? null : toIso(row.claimedAt),
    last_seen_at: toIso(row.lastSeenAt),
    next_launch_at: toIso(row.launchAt),
    epoch: row.epoch,
    attempts: row.attempts,
    // The first claim is no restart.
    restarts: Math.max(0, row.epoch - 1),
  }
}

function toIso(moment: Date | string | null): string | null {
  return moment === null ? null : new Date(moment).toISOString()
}

/** Returns one page of workers, of which one more than `limit` may be given. */
export function presentPage(workers: readonly PublicWorker[], limit: number) {
  const last = workers.length > limit ? workers[limit - 1] : undefined
  return {
    workers: workers.slice(0, limit),
    pagination: { limit, next_cursor: last === undefined ? null : toCursor(last.assignment_id) },
  }
}
