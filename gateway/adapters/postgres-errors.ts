/** Codes of the network, of postgres.js, and of Postgres (appendix A) that mean: not now, try again later. */
const UNAVAILABLE =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|CONNECTION_\w+|CONNECT_TIMEOUT|08...|57P0[123]|53300)$/

/**
 * serialization_failure and deadlock_detected: the whole transaction may be tried again at once; and unique_violation:
 * another was first at what one alone may have, which a second try sees.
 */
const RETRYABLE = /^(?:40001|40P01|23505)$/

/** Whether an error, or what it wraps, says that the database cannot be reached, is starting, or is shutting down. */
export function isUnavailable(error: unknown): boolean {
  return codesOf(error).some((code) => UNAVAILABLE.test(code))
}

/** Whether an error, or what it wraps, says that the transaction lost against another and may be tried again. */
export function isRetryable(error: unknown): boolean {
  return codesOf(error).some((code) => RETRYABLE.test(code))
}

/** The codes of an error and of its causes, the outermost first. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  return [...own, ...codesOf(error.cause)]
}
