import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { logIn } from '../../accounts/log-in.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { LoginBody } from '../../accounts/requests.ts'
import { clearSessionCookie, refuseOtherSite, setSessionCookie } from '../../accounts/session.ts'
import { deleteSession } from '../../accounts/store/sessions.ts'
import { readForm, tryForm, wrongFields, type FieldProblems, type FormTexts } from '../form-body.ts'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { returnPathOf } from '../return-path.ts'
import { beginVisit, open, type PagesContext, type Visit } from '../visit.ts'
import { showSignIn } from './page.tsx'

/** Why an account is suspended. */
const SuspensionDetails = v.object({ reason: v.string() })

type SignInField = 'login' | 'password'

/** Returns the pages that begin and end a session. */
export function signInRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/sign-in',
      open(context, async (visit) => {
        const { c } = visit
        const next = returnPathOf(c.req.query('next'))
        return visit.signedIn === null ? showSignIn(visit, { next, login: '', problems: {} }) : c.redirect(next, 303)
      }),
    )
    .post('/sign-in', (c) => signIn(context, c))
    .post('/sign-out', (c) => signOut(context, c))
}

async function signIn(context: PagesContext, c: HonoContext): Promise<Response> {
  const form = await readForm(context, c)
  const visit = await beginVisit(context, c)
  const tried = await tryForm(
    () => beginSession(visit, form),
    (rule) => explainLogin(rule, visit.language),
  )
  const next = returnPathOf(form['next'])
  if ('result' in tried && tried.result === null) return c.redirect(next, 303)
  const problems = 'problems' in tried ? tried.problems : (tried.result ?? {})
  const status = 'rule' in tried ? tried.rule.status : 400
  return showSignIn(visit, { next, login: form['login'] ?? '', problems, status })
}

/** Begins a session; returns the problems of a form that is not filled in, and `null` where there is none. */
async function beginSession(
  { c, context, language }: Visit,
  form: FormTexts,
): Promise<FieldProblems<SignInField> | null> {
  const text = ACCOUNT_MESSAGES[language]
  const body = { login: form['login'] ?? '', password: form['password'] ?? '' }
  if (wrongFields(LoginBody, body).has('login')) return { login: text.loginMissing }
  if (wrongFields(LoginBody, body).size > 0) return { form: text.loginFailed }
  const login = await logIn(context, v.parse(LoginBody, body), originOf(context, c))
  setSessionCookie(context, c, login.token, new Date(login.expires_at))
  return null
}

function explainLogin(
  { code, retryAfterSec = 0, details }: BrokenRule,
  language: Language,
): FieldProblems<SignInField> | null {
  const text = ACCOUNT_MESSAGES[language]
  if (code === 'LOGIN_FAILED') return { form: text.loginFailed }
  if (code === 'ACCOUNT_SUSPENDED') return { form: text.suspended(v.parse(SuspensionDetails, details).reason) }
  if (code === 'LOGIN_LIMITED') return { form: text.loginLimited(retryAfterSec) }
  return null
}

async function signOut(context: PagesContext, c: HonoContext): Promise<Response> {
  // A form of another site comes without the cookie, and the answer would clear it.
  refuseOtherSite(context, c)
  const { signedIn } = await beginVisit(context, c)
  if (signedIn !== null) await deleteSession(context.db, signedIn.user.userId, signedIn.sessionId)
  clearSessionCookie(context, c)
  return c.redirect('sign-in?ended', 303)
}
