import type { Context as HonoContext } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { requireSession } from './session.ts'

/**
 * Returns the user id of a path; `me` is the signed-in user's.
 * @throws BrokenRule USER_NOT_FOUND, UNAUTHORIZED
 */
export async function userIdOf(context: LiveContext, c: HonoContext): Promise<string> {
  const id = c.req.param('id') ?? ''
  return id === 'me' ? (await requireSession(context, c)).user.userId : requireUserId(id)
}

/** Returns the user id of a path. @throws BrokenRule USER_NOT_FOUND where it is no id, so that it reaches no query */
export function requireUserId(id: string): string {
  if (!UUID.test(id)) throw userNotFound()
  return id
}

/** Returns the broken rule USER_NOT_FOUND of an id. */
export function userNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this id')
}
