/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Note } from '../../../web/components/forms.tsx'
import { includesRole } from '../../roles.ts'
import { showPage, type ShownOnce } from '../frame.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import type { UserVisit } from '../visit.ts'

type AdminSection = 'reports' | 'users' | 'audit'
type AdminPageParts = {
  readonly section: AdminSection
  readonly main: Child
  /** Why a form changed nothing. */
  readonly problem?: string | undefined
  readonly query?: Readonly<Record<string, string>>
  readonly status?: ContentfulStatusCode
  readonly shownOnce?: ShownOnce | undefined
}

/** The part of each page that is read again by itself. */
export const LIST_PART = 'list'
/** The pages of moderators lie in one folder. */
export const ADMIN_ROOT = '..'

/** Shows a page of moderators, with the links to the others. */
export function showAdminPage(visit: UserVisit, parts: AdminPageParts): Promise<Response> {
  const { section, problem, query = {}, status = 200, shownOnce } = parts
  const text = MODERATION_MESSAGES[visit.language]
  const isAdmin = includesRole(visit.signedIn.user.role, 'admin')
  const sections: readonly AdminSection[] = isAdmin ? ['reports', 'users', 'audit'] : ['reports', 'users']
  const main = (
    <div class="wrap settings">
      <h1>{text.title}</h1>
      <nav class="settings-nav" aria-label={text.title}>
        {sections.map((one) => (
          <a href={one} aria-current={one === section ? 'page' : undefined}>
            {text[one]}
          </a>
        ))}
      </nav>
      <div class="stack">
        {problem === undefined ? null : (
          <Note kind="alert" title={text.refused}>
            {problem}
          </Note>
        )}
        {parts.main}
      </div>
    </div>
  )
  const title = `${text[section]} · ${text.title}`
  return showPage(visit, { title, root: ADMIN_ROOT, main, section: 'admin', status, query, shownOnce })
}

type OlderParts = { readonly visit: UserVisit; readonly cursor: string | null; readonly query?: Record<string, string> }

/** Renders the link to the next page of a list; nothing on the last one. */
export function OlderLink({ visit, cursor, query = {} }: OlderParts) {
  if (cursor === null) return null
  return (
    <a class="button" href={`?${new URLSearchParams({ ...query, cursor }).toString()}`}>
      {MODERATION_MESSAGES[visit.language].older}
    </a>
  )
}

type ReasonFormParts = {
  /** Distinguishes the forms of a page. */
  readonly id: string
  readonly title: string
  readonly lead: string
  readonly label: string
  readonly fields: Readonly<Record<string, string>>
}

/** Renders a button that opens a form, which asks for the reason. */
export function ReasonForm({ id, title, lead, label, fields }: ReasonFormParts) {
  return (
    <details class="confirm">
      <summary class="button button-small button-danger">{title}</summary>
      <form class="confirm-box" method="post">
        {Object.entries(fields).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <p>{lead}</p>
        <div class="field">
          <label for={id}>{label}</label>
          <input id={id} name="reason" type="text" required maxlength={500} autocomplete="off" />
        </div>
        <button class="button button-danger" type="submit">
          {title}
        </button>
      </form>
    </details>
  )
}
