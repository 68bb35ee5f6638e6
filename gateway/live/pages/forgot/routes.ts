import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { requestReset } from '../../accounts/mails/request-mail.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { ForgotBody } from '../../accounts/requests.ts'
import { readForm, tryForm, type FieldProblems } from '../form-body.ts'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import { beginVisit, openWithMail, requireMailPage, type PagesContext } from '../visit.ts'
import { showForgot } from './page.tsx'

/** Returns the page on which one requests a link to reset a forgotten password. */
export function forgotRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/forgot',
      openWithMail(context, (visit) => showForgot(visit, { email: '', problems: {} })),
    )
    .post('/forgot', (c) => submit(context, c))
}

async function submit(context: PagesContext, c: HonoContext): Promise<Response> {
  requireMailPage(context)
  const { email = '' } = await readForm(context, c)
  const visit = await beginVisit(context, c)
  const body = v.safeParse(ForgotBody, { email })
  if (!body.success) {
    return showForgot(visit, { email, problems: { email: ACCOUNT_MESSAGES[visit.language].emailWrong }, status: 400 })
  }
  const tried = await tryForm(
    () => requestReset(context, body.output, originOf(context, c)),
    (rule) => explainRefusal(rule, visit.language),
  )
  if ('result' in tried) return c.redirect('forgot?sent', 303)
  return showForgot(visit, { email, problems: tried.problems, status: tried.rule.status })
}

function explainRefusal({ code, retryAfterSec = 0 }: BrokenRule, language: Language): FieldProblems<'email'> | null {
  return code === 'MAIL_LIMITED' ? { form: MAIL_PAGE_MESSAGES[language].limited(retryAfterSec) } : null
}
