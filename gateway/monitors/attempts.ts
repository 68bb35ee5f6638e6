import type { AttemptRule } from '../workers/attempts.ts'

/** A worker runs as long as its stream, so failures of hours ago do not count. */
export const MONITOR_ATTEMPTS: AttemptRule = { max: 5, stableAfterSec: 60 }
