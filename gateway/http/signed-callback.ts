import type { Context, MiddlewareHandler } from 'hono'

import { deriveWorkerToken, verifyCallback } from '../../shared/signing.ts'
import { BrokenRule } from '../errors.ts'

/**
 * Lets a worker's call through that is signed under the token of the assignment that the path names (`:id`), and, where
 * each worker has its own, of the one that says it calls (`X-Worker-Id`). Another's token fits no better than none.
 */
export function requireWorker(
  internalKey: string,
  kind: string,
  { isWorkersOwn }: { readonly isWorkersOwn: boolean } = { isWorkersOwn: false },
): MiddlewareHandler {
  return async (c, next) => {
    const worker = isWorkersOwn ? callerOf(c) : undefined
    const token = deriveWorkerToken(internalKey, kind, c.req.param('id') ?? '', worker)
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

/** The worker that calls, by its own word. */
export function callerOf(c: Context): string {
  return c.req.header('x-worker-id') ?? ''
}

function signatureOf(c: Context): { timestamp: string | undefined; signature: string | undefined } {
  return { timestamp: c.req.header('x-timestamp'), signature: c.req.header('x-signature-256') }
}
