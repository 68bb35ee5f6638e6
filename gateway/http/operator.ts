import { Hono, type MiddlewareHandler } from 'hono'

import { equalInConstantTime } from '../../shared/signing.ts'
import { BrokenRule } from '../errors.ts'
import type { Rounds } from '../rounds.ts'

/**
 * What an operator, or a clock outside, asks for: `POST /tick` runs one round of the periodic work and says in how many
 * ms the next is worth while; `POST /reconcile` compares workers with records now and says what was found.
 */
export function operatorRoutes(rounds: Rounds, internalKey: string): Hono {
  const operator = requireOperator(internalKey)
  return new Hono()
    .post('/tick', operator, async (c) =>
      c.json({ next_in_ms: Math.round(await rounds.run({ workers: true, everything: true })) }),
    )
    .post('/reconcile', operator, async (c) => c.json(await rounds.reconcile()))
}

/** Lets a request through that carries the operator's key as `X-Internal-API-Key`. */
function requireOperator(internalKey: string): MiddlewareHandler {
  return async (c, next) => {
    if (!equalInConstantTime(c.req.header('x-internal-api-key') ?? '', internalKey)) {
      throw new BrokenRule(
        'UNAUTHORIZED',
        'this route is for the operator, with INTERNAL_API_KEY as X-Internal-API-Key',
      )
    }
    await next()
  }
}
