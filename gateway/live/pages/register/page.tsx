/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { MonitorArt } from '../../../web/components/art.tsx'
import { Field, Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { Registration } from '../../settings.ts'
import { DoorPage } from '../door.tsx'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { FRAME_MESSAGES } from '../messages/frame.ts'
import { nextQuery, toSearch } from '../return-path.ts'
import type { Visit } from '../visit.ts'

export type RegisterField = 'username' | 'email' | 'password' | 'invitation'

/** What was filled in, and what is wrong with it. */
export type RegisterForm = {
  /** Where to go afterwards. */
  readonly next: string
  readonly values: FormTexts
  readonly problems: FieldProblems<RegisterField>
  readonly status?: ContentfulStatusCode
}

/** Shows the form that creates an account, or that there is none now. */
export function showRegister(
  visit: Visit,
  registration: Registration | 'first',
  form: RegisterForm,
): Promise<Response> {
  const text = ACCOUNT_MESSAGES[visit.language]
  if (registration === 'closed') return showClosed(visit)
  const { next, status = 200 } = form
  const { invitation = '' } = form.values
  const query = { ...nextQuery(next), ...(invitation === '' ? {} : { invitation }) }
  const lead = registration === 'first' ? text.firstLead : text.registerLead
  const main = (
    <DoorPage title={text.registerTitle} lead={lead}>
      <AccountForm language={visit.language} registration={registration} form={form} />
      <p class="muted">
        {text.haveAccount} <a href={`sign-in${toSearch(nextQuery(next))}`}>{text.signIn}</a>
      </p>
    </DoorPage>
  )
  return showPage(visit, { title: text.registerTitle, root: '.', main, status, query })
}

type AccountFormParts = {
  readonly language: Language
  readonly registration: Registration | 'first'
  readonly form: RegisterForm
}

function AccountForm({ language, registration, form: { next, values, problems, status = 200 } }: AccountFormParts) {
  const text = ACCOUNT_MESSAGES[language]
  return (
    <>
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form" method="post" action="register" novalidate>
        <input type="hidden" name="next" value={next} />
        <Field
          name="username"
          label={text.username}
          hint={text.usernameHint}
          value={values['username'] ?? ''}
          problem={problems.username}
          autocomplete="username"
          maxLength={50}
          isFirst={status === 200}
        />
        <Field
          name="email"
          type="email"
          label={text.email}
          hint={text.emailHint}
          value={values['email'] ?? ''}
          problem={problems.email}
          autocomplete="email"
          maxLength={255}
        />
        <Field
          name="password"
          type="password"
          label={text.newPassword}
          hint={text.passwordHint}
          problem={problems.password}
          autocomplete="new-password"
        />
        {registration === 'invitation' ? (
          <Field
            name="invitation"
            label={text.invitation}
            hint={text.invitationHint}
            value={values['invitation'] ?? ''}
            problem={problems.invitation}
            autocomplete="off"
          />
        ) : null}
        <button class="button button-primary" type="submit">
          {text.register}
        </button>
      </form>
    </>
  )
}

function showClosed(visit: Visit): Promise<Response> {
  const text = ACCOUNT_MESSAGES[visit.language]
  const main = (
    <div class="message-page">
      <MonitorArt lamp="off" />
      <h1>{text.closedTitle}</h1>
      <p>{text.closedText}</p>
      <a class="button" href="./">
        {FRAME_MESSAGES[visit.language].backHome}
      </a>
    </div>
  )
  return showPage(visit, { title: text.closedTitle, root: '.', main })
}
