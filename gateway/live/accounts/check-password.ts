import { BrokenRule } from '../../errors.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { checkLimited } from './limit-attempts.ts'
import type { RequestOrigin } from './request-origin.ts'
import type { User } from './store/users.ts'

/** A password in a request of a signed-in user: the field that has it, and where the request comes from. */
export type GivenPassword = { readonly field: string; readonly password: string; readonly origin: RequestOrigin }

/**
 * Checks the password of a signed-in user, under the limits of logins.
 * @throws BrokenRule PASSWORD_WRONG, LOGIN_LIMITED
 */
export async function checkPassword(
  context: LiveContext,
  user: User,
  { field, password, origin }: GivenPassword,
): Promise<void> {
  const check = () => context.passwordHasher.verify(password, user.passwordHash, origin.signal)
  if (await checkLimited(context, { account: user.userId, address: origin.address }, check)) return
  const details = [{ field, message: 'is wrong' }]
  throw new BrokenRule(LIVE_ERRORS.PASSWORD_WRONG, `${field} is wrong`, { details })
}
