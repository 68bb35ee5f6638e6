import type { Context, MiddlewareHandler } from 'hono'

import { deriveWorkerToken, verifyCallback } from '../../shared/signing.ts'
import { BrokenRule } from '../errors.ts'

/**
 * Lets a worker's call through that is signed under the token of the assignment that the path names (`:id`). Another
 * assignment's token fits no better than none.
 */
export function requireWorker(internalKey: string, kind: string): MiddlewareHandler {
  return async (c, next) => {
    const token = deriveWorkerToken(internalKey, kind, c.req.param('id') ?? '')
    const callback = { method: c.req.method, path: c.req.path, body: await c.req.text() }
    const nowMs = Date.now()
    const verdict = verifyCallback(token, callback, signatureOf(c), nowMs)
    if (verdict === 'clock_skew') {
      const details = { server_time: nowMs / 1000 }
      throw new BrokenRule('CLOCK_SKEW', 'X-Timestamp is more than 300 s off server_time', { details })
    }
    if (verdict !== 'valid') throw new BrokenRule('UNAUTHORIZED', 'this route is for the worker of this assignment')
    await next()
  }
}

function signatureOf(c: Context): { timestamp: string | undefined; signature: string | undefined } {
  return { timestamp: c.req.header('x-timestamp'), signature: c.req.header('x-signature-256') }
}
