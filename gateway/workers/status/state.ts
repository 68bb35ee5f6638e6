/**
 * What an assignment's worker is doing: `waiting` to be launched, `starting` (launched, not heard of yet), `running`, or
 * `silent`: not heard of for its lease, and about to be replaced.
 */
export const WORKER_STATES = ['waiting', 'starting', 'running', 'silent'] as const
export type WorkerState = (typeof WORKER_STATES)[number]
