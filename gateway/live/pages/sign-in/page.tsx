/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Field, Note } from '../../../web/components/forms.tsx'
import { DoorPage } from '../door.tsx'
import type { FieldProblems } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import { nextQuery, toSearch } from '../return-path.ts'
import type { Visit } from '../visit.ts'

/** What was filled in, and what is wrong with it. */
export type SignInForm = {
  /** Where to go afterwards. */
  readonly next: string
  readonly login: string
  readonly problems: FieldProblems<'login' | 'password'>
  readonly status?: ContentfulStatusCode
}

/** Shows the form that begins a session. */
export function showSignIn(visit: Visit, { next, login, problems, status = 200 }: SignInForm): Promise<Response> {
  const text = ACCOUNT_MESSAGES[visit.language]
  const mails = MAIL_PAGE_MESSAGES[visit.language]
  const { c, context } = visit
  const query = nextQuery(next)
  const main = (
    <DoorPage title={text.signInTitle} lead={text.signInLead}>
      {c.req.query('ended') === undefined ? null : <Note kind="fine" title={text.ended} />}
      {c.req.query('reset') === undefined ? null : <Note kind="fine" title={mails.resetDone} />}
      {next === '.' || status !== 200 ? null : <Note kind="planned" title={text.needed} />}
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form" method="post" action="sign-in">
        <input type="hidden" name="next" value={next} />
        <Field
          name="login"
          label={text.login}
          value={login}
          problem={problems.login}
          autocomplete="username"
          isFirst={login === ''}
        />
        <Field
          name="password"
          type="password"
          label={text.password}
          problem={problems.password}
          autocomplete="current-password"
          isFirst={login !== ''}
        />
        <button class="button button-primary" type="submit">
          {text.signIn}
        </button>
      </form>
      {context.settings.mail === null ? null : (
        <p>
          <a href="forgot">{mails.forgotLink}</a>
        </p>
      )}
      <p class="muted">
        {text.newHere} <a href={`register${toSearch(query)}`}>{text.createAccount}</a>
      </p>
    </DoorPage>
  )
  return showPage(visit, { title: text.signInTitle, root: '.', main, status, query })
}
