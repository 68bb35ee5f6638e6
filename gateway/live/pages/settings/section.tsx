/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Note } from '../../../web/components/forms.tsx'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import type { UserVisit } from '../visit.ts'

/** The fields of the forms that can be wrong. */
export type SettingsField =
  | 'username'
  | 'about'
  | 'email'
  | 'password'
  | 'current_password'
  | 'delete_password'
  | 'moderator'
  | 'fault_webhook_url'

/** The form that was sent, and what is wrong with it; `form` is empty where none was. */
export type SentForm = {
  readonly form: string
  readonly values: FormTexts
  readonly problems: FieldProblems<SettingsField>
  readonly status?: ContentfulStatusCode
  /** The secret that the form has made: no other page shows it. */
  readonly secret?: string
}

type SectionParts = {
  readonly id: string
  readonly title: string
  readonly lead?: string
  readonly saved?: string | null
  readonly problem?: string | undefined
  readonly children?: Child
}

/** Renders a part of the page with its heading, and what has become of its form. */
export function Section({ id, title, lead, saved, problem, children }: SectionParts) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {lead === undefined ? null : <p class="muted">{lead}</p>}
      {saved ? <Note kind="fine" title={saved} /> : null}
      {problem === undefined ? null : <Note kind="alert" title={problem} />}
      {children}
    </section>
  )
}

/** What a part with a form is rendered from. */
export type FormSection = { readonly visit: UserVisit; readonly sent: SentForm }

/** Returns the problems of one form of the page. */
export function problemsOf({ form, problems }: SentForm, name: string): FieldProblems<SettingsField> {
  return form === name ? problems : {}
}

/** Returns the note that a form is saved; `null` where another one was. */
export function savedNote({ c }: UserVisit, name: string, note: string): string | null {
  return c.req.query('saved') === name ? note : null
}
