import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** A code that an error answer can carry, with its HTTP status. */
export type ErrorCode = { readonly code: string; readonly status: ContentfulStatusCode }

/** Returns error codes by their names, from their HTTP statuses. */
export function defineErrors<const Statuses extends Readonly<Record<string, ContentfulStatusCode>>>(
  statuses: Statuses,
): { readonly [Code in keyof Statuses]: ErrorCode }
export function defineErrors(
  statuses: Readonly<Record<string, ContentfulStatusCode>>,
): Readonly<Record<string, ErrorCode>> {
  return Object.fromEntries(Object.entries(statuses).map(([code, status]) => [code, { code, status }]))
}

/** The codes that belong to no system. */
export const KERNEL_ERRORS = defineErrors({
  INVALID_URL: 400,
  INVALID_CONFIG: 400,
  UNAUTHORIZED: 401,
  CLOCK_SKEW: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  REQUEST_TIMEOUT: 408,
  STALE_EPOCH: 409,
  ASSIGNMENT_ENDED: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  RATE_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  DATABASE_UNAVAILABLE: 503,
  LAUNCHER_UNAVAILABLE: 503,
  GATEWAY_BUSY: 503,
})

export type ErrorExtras = { readonly details?: unknown; readonly retryAfterSec?: number }

/** A rule that a request broke. `http/error-response.ts` turns it into an answer; no other place does. */
export class BrokenRule extends Error {
  readonly code: string
  readonly status: ContentfulStatusCode
  readonly details: unknown
  readonly retryAfterSec: number | undefined
  constructor({ code, status }: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message)
    this.code = code
    this.status = status
    this.details = extras.details
    this.retryAfterSec = extras.retryAfterSec
  }
}

/** Returns the broken rule INVALID_CONFIG of a field of a request, with what the field must be. */
export function invalidField(field: string, message: string): BrokenRule {
  return new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, `${field} ${message}`, { details: [{ field, message }] })
}
