/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Field, Note } from '../../../web/components/forms.tsx'
import { DoorPage } from '../door.tsx'
import type { FieldProblems } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import type { Visit } from '../visit.ts'

/** What was filled in, and what is wrong with it. */
export type ForgotForm = {
  readonly email: string
  readonly problems: FieldProblems<'email'>
  readonly status?: ContentfulStatusCode
}

/** Shows the form that requests a link to reset the password. */
export function showForgot(visit: Visit, { email, problems, status = 200 }: ForgotForm): Promise<Response> {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const main = (
    <DoorPage title={text.forgotTitle} lead={text.forgotLead}>
      {visit.c.req.query('sent') === undefined ? null : (
        <Note kind="fine" title={text.forgotSent}>
          {text.forgotSentText}
        </Note>
      )}
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form" method="post" action="forgot" novalidate>
        <Field
          name="email"
          type="email"
          label={ACCOUNT_MESSAGES[visit.language].email}
          value={email}
          problem={problems.email}
          autocomplete="email"
          maxLength={255}
          isFirst
        />
        <button class="button button-primary" type="submit">
          {text.forgotButton}
        </button>
      </form>
      <p class="muted">
        <a href="sign-in">{text.backToSignIn}</a>
      </p>
    </DoorPage>
  )
  return showPage(visit, { title: text.forgotTitle, root: '.', main, status })
}
