import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { logIn } from '../../accounts/log-in.ts'
import { readRegistration } from '../../accounts/read-registration.ts'
import { registerUser } from '../../accounts/register-user.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { RegisterBody } from '../../accounts/requests.ts'
import { setSessionCookie } from '../../accounts/session.ts'
import { readForm, tryForm, wrongFields, type FieldProblems, type FormTexts } from '../form-body.ts'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { returnPathOf } from '../return-path.ts'
import { beginVisit, open, type PagesContext, type Visit } from '../visit.ts'
import { showRegister, type RegisterField } from './page.tsx'

/** Returns the page that creates an account and signs it in. */
export function registerRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/register',
      open(context, async (visit) => {
        const { c } = visit
        const next = returnPathOf(c.req.query('next'))
        if (visit.signedIn !== null) return c.redirect(next, 303)
        const form = { next, values: { invitation: c.req.query('invitation') ?? '' }, problems: {} }
        return showRegister(visit, await readRegistration(context), form)
      }),
    )
    .post('/register', (c) => register(context, c))
}

async function register(context: PagesContext, c: HonoContext): Promise<Response> {
  const values = await readForm(context, c)
  const visit = await beginVisit(context, c)
  const next = returnPathOf(values['next'])
  const tried = await tryForm(
    () => createAccount(visit, values),
    (rule) => explainRefusal(rule, visit.language),
  )
  if ('result' in tried && tried.result === null) return c.redirect(next, 303)
  const problems = 'problems' in tried ? tried.problems : (tried.result ?? {})
  const status = 'rule' in tried ? tried.rule.status : 400
  return showRegister(visit, await readRegistration(context), { next, values, problems, status })
}

/** Creates the account and begins its first session; returns the problems of a form that is wrong, else `null`. */
async function createAccount(
  { c, context, language }: Visit,
  form: FormTexts,
): Promise<FieldProblems<RegisterField> | null> {
  const { username = '', email = '', password = '', invitation = '' } = form
  const body = { username, email, password, ...(invitation === '' ? {} : { invitation: invitation.trim() }) }
  const wrong = wrongFields(RegisterBody, body)
  if (wrong.size > 0) return explainFields(wrong, language)
  const origin = originOf(context, c)
  await registerUser(context, v.parse(RegisterBody, body), origin)
  const login = await logIn(context, { login: username, password }, origin)
  setSessionCookie(context, c, login.token, new Date(login.expires_at))
  return null
}

function explainFields(wrong: ReadonlySet<string>, language: Language): FieldProblems<RegisterField> {
  const text = ACCOUNT_MESSAGES[language]
  return {
    form: text.formProblem,
    ...(wrong.has('username') ? { username: text.usernameWrong } : {}),
    ...(wrong.has('email') ? { email: text.emailWrong } : {}),
    ...(wrong.has('password') ? { password: text.passwordWrong } : {}),
    ...(wrong.has('invitation') ? { invitation: text.invitationWrong } : {}),
  }
}

function explainRefusal({ code }: BrokenRule, language: Language): FieldProblems<RegisterField> | null {
  const text = ACCOUNT_MESSAGES[language]
  switch (code) {
    case 'USERNAME_TAKEN':
      return { username: text.usernameTaken }
    case 'EMAIL_TAKEN':
      return { email: text.emailTaken }
    case 'INVITATION_INVALID':
      return { invitation: text.invitationWrong }
    case 'REGISTRATION_CLOSED':
      return { form: text.closedText }
    default:
      return null
  }
}
