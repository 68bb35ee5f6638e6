import type { AttemptRule } from '../workers/attempts.ts'

/** A worker is there for as long as the stream: what happened hours ago is no reason to give up. */
export const MONITOR_ATTEMPTS: AttemptRule = { max: 5, forgivesStable: true }
