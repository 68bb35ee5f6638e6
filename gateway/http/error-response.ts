import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'

import type { Log } from '../../shared/log.ts'
import { BrokenRule, statusOf } from '../errors.ts'
import { LauncherUnavailable } from '../workers/launcher.ts'

/** How long a client should wait for a database, or for a cluster, that is gone, in seconds. */
const RETRY_SEC = 2

/**
 * The one place where an error becomes an answer: `{"error":{"code","message","details"?}}`. A broken rule carries its
 * own code; a database that is gone is 503; all else is logged whole and told as a bare INTERNAL_ERROR.
 */
export function respondToErrors(log: Log, isUnavailable: (error: unknown) => boolean): ErrorHandler {
  return (error, c) => {
    const rule = toRule(error, isUnavailable)
    if (statusOf(rule.code) >= 500) {
      const fields = { ...requestFields(c), code: rule.code, error }
      // No room is what a rule of ours may say at any time: nothing is broken.
      if (rule === error) log.info('request refused', fields)
      else log.error('request failed', fields)
    }
    return respond(c, rule)
  }
}

/** The answer to a path that no route has. */
export const respondNotFound: NotFoundHandler = (c) =>
  respond(
    c,
    new BrokenRule('NOT_FOUND', `there is nothing at ${c.req.method} ${c.req.path}; /docs lists what there is`),
  )

function toRule(error: unknown, isUnavailable: (error: unknown) => boolean): BrokenRule {
  if (error instanceof BrokenRule) return error
  if (error instanceof HTTPException && error.status < 500) {
    return new BrokenRule('INVALID_CONFIG', 'the body is not valid JSON')
  }
  if (error instanceof LauncherUnavailable) {
    const message = 'what runs the workers cannot be reached at the moment; try again'
    return new BrokenRule('LAUNCHER_UNAVAILABLE', message, { retryAfterSec: RETRY_SEC })
  }
  if (isUnavailable(error) || error instanceof HTTPException) {
    const message = 'the database cannot be reached at the moment; try again'
    return new BrokenRule('DATABASE_UNAVAILABLE', message, { retryAfterSec: RETRY_SEC })
  }
  return new BrokenRule('INTERNAL_ERROR', 'something went wrong on our side; the log has it under this request_id')
}

function respond(c: Context, rule: BrokenRule): Response {
  if (rule.retryAfterSec !== undefined) c.header('Retry-After', String(rule.retryAfterSec))
  const details = rule.details === undefined ? {} : { details: rule.details }
  return c.json({ error: { code: rule.code, message: rule.message, ...details } }, statusOf(rule.code))
}

function requestFields(c: Context): Record<string, unknown> {
  return { request_id: c.get('requestId'), method: c.req.method, path: c.req.path }
}
