import { Hono, type MiddlewareHandler } from 'hono'

import { timingSafeEqual } from '../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { Operations } from './operations.ts'

/**
 * Returns the operator's routes: `POST /tick` runs the periodic work once and answers in how many ms the next run is
 * worthwhile; `POST /reconcile` compares workers with records now and answers with what it found.
 */
export function operatorRoutes({ scheduler, reconcile }: Operations, internalKey: string): Hono {
  const operator = requireOperator(internalKey)
  return new Hono()
    .post('/tick', operator, async (c) =>
      c.json({ next_in_ms: Math.round(await scheduler.run({ any: true, workers: true, everything: true })) }),
    )
    .post('/reconcile', operator, async (c) => c.json(await reconcile()))
}

/** Refuses requests without the operator's key as `X-Internal-API-Key` (401 UNAUTHORIZED). */
function requireOperator(internalKey: string): MiddlewareHandler {
  return async (c, next) => {
    if (!timingSafeEqual(c.req.header('x-internal-api-key') ?? '', internalKey)) {
      throw new BrokenRule(
        KERNEL_ERRORS.UNAUTHORIZED,
        'this route is for the operator, with INTERNAL_API_KEY as X-Internal-API-Key',
      )
    }
    await next()
  }
}
