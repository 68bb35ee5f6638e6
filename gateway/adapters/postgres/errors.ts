/**
 * Codes of the network, of postgres.js and of Postgres (appendix A) for a database that cannot be used now: no connection
 * (08), no resources such as space on the disk (53), an operator's intervention (57), a failure of its system (58),
 * read-only (25006), or a transaction that was cut off (25P03). POOL_EXHAUSTED: no connection of the pool became free.
 */
const UNAVAILABLE_CODES =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|CONNECTION_\w+|CONNECT_TIMEOUT|POOL_EXHAUSTED|(?:08|53|57|58)...|25006|25P03)$/

/** Codes of a database that was reached but cannot store: no space or memory (53, without too_many_connections), 58, 25006. */
const CANNOT_STORE_CODES = /^(?:53[0124]00|58...|25006)$/

/**
 * serialization_failure, deadlock_detected and unique_violation. The last is retryable because a concurrent transaction
 * inserted the row first, and a second attempt reads it.
 */
const RETRYABLE_CODES = /^(?:40001|40P01|23505)$/

/** Returns whether an error or one of its causes means that the database cannot be used now. */
export function isUnavailable(error: unknown): boolean {
  return errorCodesOf(error).some((code) => UNAVAILABLE_CODES.test(code))
}

/** Returns whether an error or one of its causes means that the database was reached but cannot store anything. */
export function isUnableToStore(error: unknown): boolean {
  return errorCodesOf(error).some((code) => CANNOT_STORE_CODES.test(code))
}

/** Returns whether an error or one of its causes means that the transaction lost a conflict and may be retried. */
export function isRetryable(error: unknown): boolean {
  return errorCodesOf(error).some((code) => RETRYABLE_CODES.test(code))
}

/** Returns whether an error or one of its causes means that a lock was not available in time. */
export function isLockTimeout(error: unknown): boolean {
  return errorCodesOf(error).includes('55P03')
}

/** Returns the codes of an error and of its causes, the outermost first. */
function errorCodesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  return [...own, ...errorCodesOf(error.cause)]
}
