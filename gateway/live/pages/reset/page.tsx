/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Field, Note } from '../../../web/components/forms.tsx'
import { DoorPage } from '../door.tsx'
import type { FieldProblems } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import type { Visit } from '../visit.ts'

/** The token of the link, and what is wrong with the form. */
export type ResetForm = {
  readonly token: string
  readonly problems: FieldProblems<'password'>
  readonly status?: ContentfulStatusCode
}

/** Shows the form that sets another password. */
export function showReset(visit: Visit, { token, problems, status = 200 }: ResetForm): Promise<Response> {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const account = ACCOUNT_MESSAGES[visit.language]
  const main = (
    <DoorPage title={text.resetTitle} lead={text.resetLead}>
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form" method="post" action="reset" novalidate>
        <input type="hidden" name="token" value={token} />
        <Field
          name="password"
          type="password"
          label={account.newPassword}
          hint={account.passwordHint}
          problem={problems.password}
          autocomplete="new-password"
          isFirst
        />
        <button class="button button-primary" type="submit">
          {text.resetButton}
        </button>
      </form>
    </DoorPage>
  )
  return showPage(visit, { title: text.resetTitle, root: '.', main, status, query: { token } })
}
