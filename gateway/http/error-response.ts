import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'

import type { Log } from '../../shared/log.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { LauncherUnavailable } from '../ports/launcher.ts'
import { PasswordHasherBusy } from '../ports/password-hasher.ts'
import { repeatAdvice } from './idempotency.ts'

/** `Retry-After` while the database or the cluster cannot be reached, or passwords wait, in seconds. */
const RETRY_SEC = 2

/**
 * Returns the one handler that turns an error into an answer: `{"error":{"code","message","details"?}}`. A broken rule
 * carries its code; an unreachable database is 503; every other error is logged and answered as INTERNAL_ERROR.
 */
export function respondToErrors(log: Log, isUnavailable: (error: unknown) => boolean): ErrorHandler {
  const readError = createErrorReader(log, isUnavailable)
  return (error, c) => respond(c, readError(error, c))
}

/** Returns a function that finds the rule which an error of a request stands for, and logs failures. */
export function createErrorReader(
  log: Log,
  isUnavailable: (error: unknown) => boolean,
): (error: unknown, c: Context) => BrokenRule {
  return (error, c) => {
    const rule = withAdvice(toRule(error, isUnavailable), c)
    if (rule.status >= 500) {
      const fields = { ...requestFields(c), code: rule.code, error }
      // A rule such as QUEUE_FULL is a refusal, not a failure.
      if (rule === error || error instanceof PasswordHasherBusy) log.info('request refused', fields)
      else log.error('request failed', fields)
    }
    return rule
  }
}

/** Answers a request to a path that has no route. */
export const respondNotFound: NotFoundHandler = (c) =>
  respond(
    c,
    new BrokenRule(
      KERNEL_ERRORS.NOT_FOUND,
      `there is nothing at ${c.req.method} ${c.req.path}; /docs lists what there is`,
    ),
  )

function toRule(error: unknown, isUnavailable: (error: unknown) => boolean): BrokenRule {
  if (error instanceof BrokenRule) return error
  if (error instanceof HTTPException && error.status < 500) {
    return new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, 'the body is not valid JSON')
  }
  if (error instanceof PasswordHasherBusy) {
    const message = 'too many passwords wait to be checked at the moment; try again'
    return new BrokenRule(KERNEL_ERRORS.GATEWAY_BUSY, message, { retryAfterSec: RETRY_SEC })
  }
  if (error instanceof LauncherUnavailable) {
    const message = 'what runs the workers cannot be reached at the moment; try again'
    return new BrokenRule(KERNEL_ERRORS.LAUNCHER_UNAVAILABLE, message, { retryAfterSec: RETRY_SEC })
  }
  if (isUnavailable(error) || error instanceof HTTPException) {
    const message = 'the database cannot be used at the moment; try again'
    return new BrokenRule(KERNEL_ERRORS.DATABASE_UNAVAILABLE, message, { retryAfterSec: RETRY_SEC })
  }
  const message = 'something went wrong on our side; the log has it under this request_id'
  return new BrokenRule(KERNEL_ERRORS.INTERNAL_ERROR, message)
}

/** Returns the rule with what to do about a record that may have been created all the same. */
function withAdvice(rule: BrokenRule, c: Context): BrokenRule {
  const advice = rule.code === KERNEL_ERRORS.DATABASE_UNAVAILABLE.code ? repeatAdvice(c) : null
  if (advice === null) return rule
  const message = `the database cannot be used at the moment; ${advice}`
  return new BrokenRule(KERNEL_ERRORS.DATABASE_UNAVAILABLE, message, { retryAfterSec: RETRY_SEC })
}

function respond(c: Context, rule: BrokenRule): Response {
  if (rule.retryAfterSec !== undefined) c.header('Retry-After', String(rule.retryAfterSec))
  // RFC 9110 §15.5.9: the rest of the body may still come, and must not be taken for the next request.
  if (rule.status === KERNEL_ERRORS.REQUEST_TIMEOUT.status) c.header('Connection', 'close')
  const details = rule.details === undefined ? {} : { details: rule.details }
  return c.json({ error: { code: rule.code, message: rule.message, ...details } }, rule.status)
}

function requestFields(c: Context): Record<string, unknown> {
  return { request_id: c.get('requestId'), method: c.req.method, path: c.req.path }
}
