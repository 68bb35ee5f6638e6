import { BrokenRule } from '../../errors.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { newUuid } from '../../../shared/ids.ts'
import { checkLimited } from './limit-attempts.ts'
import { presentOwnUser, type Login } from './present.ts'
import type { RequestOrigin } from './request-origin.ts'
import type { LoginBody } from './requests.ts'
import { sessionKey } from './session.ts'
import { signSessionToken } from './session-token.ts'
import { insertSession } from './store/sessions.ts'
import { findUserByEmail, findUserByName, lockUser, setLanguage, type User } from './store/users.ts'

const SESSION_SEC = 86_400
const MAX_USER_AGENT = 300
/** A hash that no password has. It takes as long to check as a user's, so that no answer time shows which names exist. */
const UNMATCHED_HASH = `$scrypt$ln=14,r=8,p=5$${'A'.repeat(22)}$${'A'.repeat(43)}`

/**
 * Begins a session, and returns its token.
 * @throws BrokenRule LOGIN_FAILED, LOGIN_LIMITED, ACCOUNT_SUSPENDED
 */
export async function logIn(context: LiveContext, { login, password }: LoginBody, from: RequestOrigin): Promise<Login> {
  const user = await findByLogin(context, login)
  const attempt = { account: user?.userId ?? login.toLowerCase(), address: from.address }
  const check = () => context.passwordHasher.verify(password, user?.passwordHash ?? UNMATCHED_HASH, from.signal)
  if (!(await checkLimited(context, attempt, check)) || user === null) throw loginFailed()
  return beginSession(context, user, from)
}

/** Returns the user of a username or an e-mail address; only the latter has an `@`. */
function findByLogin({ db }: LiveContext, login: string): Promise<User | null> {
  return login.includes('@') ? findUserByEmail(db, login) : findUserByName(db, login)
}

/** Begins the session, unless the password was changed or the account deleted while the password was checked. */
async function beginSession(context: LiveContext, checked: User, from: RequestOrigin): Promise<Login> {
  const { user, session } = await context.transact(async (tx) => {
    const current = await lockUser(tx, checked.userId)
    if (current?.passwordHash !== checked.passwordHash) throw loginFailed()
    if (current.suspendedAt !== null) throw accountSuspended(current.suspensionReason ?? '')
    if (current.language !== from.language) await setLanguage(tx, current.userId, from.language)
    const about = { userId: current.userId, address: from.address, userAgent: from.userAgent.slice(0, MAX_USER_AGENT) }
    return { user: current, session: await insertSession(tx, { ...about, sessionId: newUuid() }, SESSION_SEC) }
  })
  const token = await signSessionToken(sessionKey(context), session, session)
  return { token, expires_at: session.expiresAt.toISOString(), user: presentOwnUser(user) }
}

function loginFailed(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.LOGIN_FAILED, 'login or password is wrong')
}

/** Returns the refusal of a user whose account is suspended; only who knows the password gets it. */
function accountSuspended(reason: string): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.ACCOUNT_SUSPENDED, `this account is suspended: ${reason}`, { details: { reason } })
}
