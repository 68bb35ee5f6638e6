import type { MiddlewareHandler } from 'hono'

import { networkOf } from '../../http/client-address.ts'
import { countCall, createCallCounters } from '../../http/rate-limit.ts'
import { isSafe } from '../accounts/same-origin.ts'
import { readSession } from '../accounts/session.ts'
import type { PagesContext } from './visit.ts'

/**
 * Refuses forms over the limit of a minute (429 RATE_LIMIT_EXCEEDED): of a signed-in user, wherever it is; of all visitors at an
 * address together, as calls that are frequent, since many people may share it. Pages themselves are not limited.
 */
export function limitForms(context: PagesContext): MiddlewareHandler {
  const counters = createCallCounters(context.settings)
  return async (c, next) => {
    if (!isSafe(c)) {
      const signedIn = await readSession(context, c)
      if (signedIn === null) countCall(c, counters.frequentWrites, networkOf(context.clientAddress(c)))
      else countCall(c, counters.writes, signedIn.user.userId)
    }
    await next()
  }
}
