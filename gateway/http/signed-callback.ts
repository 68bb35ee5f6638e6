import type { Context, MiddlewareHandler } from 'hono'

import { deriveWorkerToken, verifyCallback } from '../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'

/** A kind of worker whose callbacks are verified. */
export type CallbackKind = {
  readonly internalKey: string
  readonly kind: string
  /** Each worker of an assignment has a token of its own, which depends on its name (`X-Worker-Id`). */
  readonly hasTokenPerWorker?: boolean
}

/**
 * Refuses callbacks that are not signed with the token of the assignment in the path (`:id`): 401 UNAUTHORIZED, or
 * CLOCK_SKEW with the server's time where only the timestamp is wrong.
 */
export function requireWorker({ internalKey, kind, hasTokenPerWorker = false }: CallbackKind): MiddlewareHandler {
  return async (c, next) => {
    const worker = hasTokenPerWorker ? workerNameOf(c) : undefined
    const token = deriveWorkerToken(internalKey, kind, c.req.param('id') ?? '', worker)
    const callback = { method: c.req.method, path: c.req.path, body: await c.req.text() }
    const nowMs = Date.now()
    const verdict = verifyCallback(token, callback, signatureOf(c), nowMs)
    if (verdict === 'clock_skew') {
      const details = { server_time: nowMs / 1000 }
      throw new BrokenRule(KERNEL_ERRORS.CLOCK_SKEW, 'X-Timestamp is more than 300 s off server_time', { details })
    }
    if (verdict !== 'valid') {
      throw new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, 'this route is for the worker of this assignment')
    }
    await next()
  }
}

/** Returns the name that the calling worker states. */
export function workerNameOf(c: Context): string {
  return c.req.header('x-worker-id') ?? ''
}

function signatureOf(c: Context): { timestamp: string | undefined; signature: string | undefined } {
  return { timestamp: c.req.header('x-timestamp'), signature: c.req.header('x-signature-256') }
}
