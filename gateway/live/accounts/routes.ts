import { Hono, type Context as HonoContext } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { createInvitation } from './create-invitation.ts'
import { deleteUser } from './delete-user.ts'
import { getUser } from './get-user.ts'
import { exportUser } from './export-user.ts'
import { listSessions } from './list-sessions.ts'
import { logIn } from './log-in.ts'
import { Invitation, Login, OwnUser, presentOwnUser, PublicUser, SessionList, UserExport } from './present.ts'
import { registerUser } from './register-user.ts'
import { linkRoutes } from './mails/routes.ts'
import { userIdOf } from './path-user.ts'
import { originOf } from './request-origin.ts'
import { DeleteUserBody, LoginBody, RegisterBody, UpdateUserBody } from './requests.ts'
import {
  clearSessionCookie,
  readSession,
  refuseOtherSite,
  requireRole,
  requireSession,
  setSessionCookie,
  type SignedIn,
} from './session.ts'
import { deleteSession, deleteUserSessions } from './store/sessions.ts'
import { updateUser } from './update-user.ts'

const TAG = 'Accounts'

const DOCS = {
  register: describe(
    TAG,
    'Create an account',
    {
      ...answers(201, OwnUser, 'The account. The first one is an admin.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.REGISTRATION_CLOSED,
        LIVE_ERRORS.INVITATION_INVALID,
        LIVE_ERRORS.USERNAME_TAKEN,
        LIVE_ERRORS.EMAIL_TAKEN,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'none',
  ),
  logIn: describe(
    TAG,
    'Begin a session of 24 hours',
    {
      ...answers(200, Login, 'The token of the session, as JSON and as a cookie.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.LOGIN_FAILED,
        LIVE_ERRORS.ACCOUNT_SUSPENDED,
        KERNEL_ERRORS.FORBIDDEN,
        LIVE_ERRORS.LOGIN_LIMITED,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'none',
  ),
  logOut: describe(
    TAG,
    'End this session',
    { ...answers(204, null, 'It has ended; repeated, the answer is the same.'), errors: [KERNEL_ERRORS.FORBIDDEN] },
    'none',
  ),
  logOutAll: describe(
    TAG,
    'End all sessions of the user',
    { ...answers(204, null, 'They have ended, this one too.'), errors: [] },
    'session',
  ),
  sessions: describe(
    TAG,
    'The sessions of the user, newest first',
    { ...answers(200, SessionList, 'All of them.'), errors: [] },
    'session',
  ),
  endSession: describe(
    TAG,
    'End a session of the user',
    { ...answers(204, null, 'It has ended.'), errors: [LIVE_ERRORS.SESSION_NOT_FOUND] },
    'session',
  ),
  get: describe(
    TAG,
    'A user',
    {
      ...answers(200, PublicUser, 'The user, with the e-mail address to oneself.'),
      errors: [LIVE_ERRORS.USER_NOT_FOUND],
    },
    'none',
  ),
  update: describe(
    TAG,
    'Change the own account',
    {
      ...answers(200, OwnUser, 'The account. A new password ends all other sessions.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.PASSWORD_WRONG,
        LIVE_ERRORS.LOGIN_LIMITED,
        LIVE_ERRORS.USERNAME_TAKEN,
        LIVE_ERRORS.EMAIL_TAKEN,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'session',
  ),
  delete: describe(
    TAG,
    'Delete the own account with all personal data',
    {
      ...answers(204, null, 'It is deleted, and its sessions have ended.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.PASSWORD_WRONG,
        LIVE_ERRORS.LAST_ADMIN,
        LIVE_ERRORS.LOGIN_LIMITED,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'session',
  ),
  export: describe(
    TAG,
    'The personal data of the user',
    { ...answers(200, UserExport, 'The data.'), errors: [] },
    'session',
  ),
  invite: describe(
    TAG,
    'Create an invitation for one person (admins)',
    { ...answers(201, Invitation, 'The invitation, valid for seven days.'), errors: [] },
    'session',
  ),
} as const

/** The first segments of the paths of accounts below `/api/v1`. */
export const ACCOUNT_PATHS = ['auth', 'users', 'invitations'] as const

/** Calls that need no session, by method and path below `/api/v1`. */
const OPEN_CALLS = [
  /^POST \/auth\/(?:register|login|logout|verify-email|forgot|reset)$/,
  /^(?:GET|HEAD) \/users\/[^/]+(?:\/(?:followers|following|schedule|schedule\.ics))?$/,
]

/** Returns whether a call of accounts needs no session. */
export function isOpenCall(c: HonoContext): boolean {
  const call = `${c.req.method} ${c.req.path.replace(/^\/api\/v1/, '')}`
  return OPEN_CALLS.some((pattern) => pattern.test(call))
}

/** Returns the API of accounts. */
export function accountRoutes(context: LiveContext): Hono {
  const { db } = context
  const change = async (c: HonoContext, body: UpdateUserBody) => {
    return c.json(presentOwnUser(await updateUser(context, await requireOwn(context, c), body, originOf(context, c))))
  }
  return new Hono()
    .route('/', linkRoutes(context))
    .post('/auth/register', DOCS.register, requireJson, parse('json', RegisterBody), async (c) =>
      c.json(presentOwnUser(await registerUser(context, c.req.valid('json'), originOf(context, c))), 201),
    )
    .post('/auth/login', DOCS.logIn, requireJson, parse('json', LoginBody), async (c) => {
      refuseOtherSite(context, c)
      const login = await logIn(context, c.req.valid('json'), originOf(context, c))
      setSessionCookie(context, c, login.token, new Date(login.expires_at))
      return c.json(login)
    })
    .post('/auth/logout', DOCS.logOut, async (c) => {
      const signedIn = await readSession(context, c)
      // A form of another site comes without the cookie, and the answer would clear it.
      if (signedIn === null) refuseOtherSite(context, c)
      else await deleteSession(db, signedIn.user.userId, signedIn.sessionId)
      clearSessionCookie(context, c)
      return c.body(null, 204)
    })
    .post('/auth/logout-all', DOCS.logOutAll, async (c) => {
      const { user } = await requireSession(context, c)
      await deleteUserSessions(db, user.userId)
      clearSessionCookie(context, c)
      return c.body(null, 204)
    })
    .get('/auth/sessions', DOCS.sessions, async (c) =>
      c.json(await listSessions(context, await requireSession(context, c))),
    )
    .delete('/auth/sessions/:id', DOCS.endSession, async (c) => {
      const { user, sessionId } = await requireSession(context, c)
      const id = c.req.param('id')
      if (!UUID.test(id) || !(await deleteSession(db, user.userId, id))) throw sessionNotFound()
      if (id === sessionId) clearSessionCookie(context, c)
      return c.body(null, 204)
    })
    .get('/users/me/export', DOCS.export, async (c) =>
      c.json(await exportUser(context, await requireSession(context, c))),
    )
    .get('/users/:id', DOCS.get, async (c) =>
      c.json(await getUser(context, await readSession(context, c), await userIdOf(context, c))),
    )
    .put('/users/:id', DOCS.update, requireJson, parse('json', UpdateUserBody), (c) => change(c, c.req.valid('json')))
    .patch('/users/:id', DOCS.update, requireJson, parse('json', UpdateUserBody), (c) => change(c, c.req.valid('json')))
    .delete('/users/:id', DOCS.delete, requireJson, parse('json', DeleteUserBody), async (c) => {
      await deleteUser(context, await requireOwn(context, c), c.req.valid('json'), originOf(context, c))
      clearSessionCookie(context, c)
      return c.body(null, 204)
    })
    .post('/invitations', DOCS.invite, async (c) =>
      c.json(await createInvitation(context, await requireRole(context, c, 'admin')), 201),
    )
}

/**
 * Returns the signed-in user, whose id the path must have.
 * @throws BrokenRule UNAUTHORIZED, FORBIDDEN
 */
async function requireOwn(context: LiveContext, c: HonoContext): Promise<SignedIn> {
  const signedIn = await requireSession(context, c)
  if ((await userIdOf(context, c)) === signedIn.user.userId) return signedIn
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only the user may change this account')
}

function sessionNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.SESSION_NOT_FOUND, 'there is no session of this id')
}
