/** Every code that an answer can carry, with its HTTP status. */
const STATUS = {
  INVALID_URL: 400,
  FORBIDDEN_URL: 400,
  UNKNOWN_PRESET: 400,
  INVALID_OUTPUT: 400,
  INVALID_CONFIG: 400,
  UNAUTHORIZED: 401,
  CLOCK_SKEW: 401,
  NOT_FOUND: 404,
  MONITOR_NOT_FOUND: 404,
  JOB_NOT_FOUND: 404,
  EVENT_NOT_FOUND: 404,
  DUPLICATE_MONITOR: 409,
  STALE_EPOCH: 409,
  ASSIGNMENT_ENDED: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  RATE_LIMIT_EXCEEDED: 429,
  MAX_MONITORS_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  QUEUE_FULL: 503,
  DATABASE_UNAVAILABLE: 503,
  LAUNCHER_UNAVAILABLE: 503,
} as const
export type ErrorCode = keyof typeof STATUS
export type ErrorStatus = (typeof STATUS)[ErrorCode]

export function statusOf(code: ErrorCode): ErrorStatus {
  return STATUS[code]
}

export type ErrorExtras = { readonly details?: unknown; readonly retryAfterSec?: number }

/** A rule that a request broke: becomes its code's answer in `http/error-response.ts`, and nowhere else. */
export class BrokenRule extends Error {
  readonly code: ErrorCode
  readonly details: unknown
  readonly retryAfterSec: number | undefined
  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message)
    this.code = code
    this.details = extras.details
    this.retryAfterSec = extras.retryAfterSec
  }
}
