import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { resetPassword } from '../../accounts/mails/use-link.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { ResetBody } from '../../accounts/requests.ts'
import { clearSessionCookie } from '../../accounts/session.ts'
import { readForm, tryForm, wrongFields } from '../form-body.ts'
import { showLinkInvalid } from '../link-invalid.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { beginVisit, openWithMail, requireMailPage, type PagesContext } from '../visit.ts'
import { showReset } from './page.tsx'

/** Returns the page to which the link for a forgotten password leads. */
export function resetRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/reset',
      openWithMail(context, (visit) => showReset(visit, { token: visit.c.req.query('token') ?? '', problems: {} })),
    )
    .post('/reset', (c) => submit(context, c))
}

async function submit(context: PagesContext, c: HonoContext): Promise<Response> {
  requireMailPage(context)
  const { token = '', password = '' } = await readForm(context, c)
  const visit = await beginVisit(context, c)
  const wrong = wrongFields(ResetBody, { token, password })
  if (wrong.has('token')) return showLinkInvalid(visit, 'forgot')
  if (wrong.size > 0) {
    const problems = { password: ACCOUNT_MESSAGES[visit.language].passwordWrong }
    return showReset(visit, { token, problems, status: 400 })
  }
  const tried = await tryForm(
    () => resetPassword(context, v.parse(ResetBody, { token, password }), originOf(context, c)),
    ({ code }) => (code === 'LINK_INVALID' ? {} : null),
  )
  if (!('result' in tried)) return showLinkInvalid(visit, 'forgot')
  clearSessionCookie(context, c)
  return c.redirect('sign-in?reset', 303)
}
