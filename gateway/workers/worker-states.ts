/**
 * The state of an assignment's worker: `waiting` to be launched, `starting` (launched, no claim yet), `running`, or
 * `silent` (no call for the length of its lease; about to be replaced).
 */
export const WORKER_STATES = ['waiting', 'starting', 'running', 'silent'] as const
export type WorkerState = (typeof WORKER_STATES)[number]
