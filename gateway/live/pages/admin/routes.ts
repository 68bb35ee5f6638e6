import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { invalidField, type BrokenRule } from '../../../errors.ts'
import { confirmInvitation } from '../../accounts/confirm-invitation.ts'
import { createInvitation } from '../../accounts/create-invitation.ts'
import { requireRole } from '../../accounts/session.ts'
import { deleteReportedMessage } from '../../chat/moderation/delete-reported-message.ts'
import { changeRole, restoreUser, suspendUser } from '../../moderation/moderate-users.ts'
import { ReasonBody, RoleBody } from '../../moderation/requests.ts'
import { closeReports } from '../../moderation/settle-reports.ts'
import { restoreArchive, takeDownArchive } from '../../moderation/take-down.ts'
import type { Role } from '../../roles.ts'
import { readForm, tryForm, type FormTexts } from '../form-body.ts'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { showAudit } from './audit-page.tsx'
import { showReports } from './reports-page.tsx'
import { showUsers } from './users-page.tsx'

/** What a form does; it returns a page, or `null` where the page that it is on is shown again. */
type AdminForm = {
  readonly role: Role
  readonly run: (visit: UserVisit, form: FormTexts) => Promise<Response | null>
}

/** Returns the reason in a form. @throws BrokenRule INVALID_CONFIG where it is blank or too long */
function reasonOf({ reason }: FormTexts): string {
  const parsed = v.safeParse(ReasonBody, { reason })
  if (parsed.success) return parsed.output.reason
  throw invalidField('reason', 'must have 1 to 500 characters')
}

/** The forms of the page of reports, by the value of their hidden field `form`. */
const REPORT_FORMS: Readonly<Record<string, AdminForm>> = {
  close: {
    role: 'moderator',
    run: async ({ context, signedIn }, { id = '' }) => {
      await closeReports(context, signedIn, id, { state: 'closed', reason: '' })
      return null
    },
  },
  'take-down': {
    role: 'moderator',
    run: async ({ context, signedIn }, form) => {
      const { id = '' } = form
      const reason = reasonOf(form)
      await takeDownArchive(context, signedIn, id, reason)
      await closeReports(context, signedIn, id, { state: 'closed', reason })
      return null
    },
  },
  'delete-message': {
    role: 'moderator',
    run: async ({ context, signedIn }, { id = '' }) => {
      await deleteReportedMessage(context, signedIn, id)
      return null
    },
  },
  restore: {
    role: 'moderator',
    run: async ({ context, signedIn }, { id = '' }) => {
      await restoreArchive(context, signedIn, id)
      return null
    },
  },
}

/** The forms of the page of users. */
const USER_FORMS: Readonly<Record<string, AdminForm>> = {
  suspend: {
    role: 'moderator',
    run: async ({ context, signedIn }, form) => {
      await suspendUser(context, signedIn, form['id'] ?? '', reasonOf(form))
      return null
    },
  },
  restore: {
    role: 'moderator',
    run: async ({ context, signedIn }, { id = '' }) => {
      await restoreUser(context, signedIn, id)
      return null
    },
  },
  role: {
    role: 'admin',
    run: async ({ context, signedIn }, { id = '', role }) => {
      const parsed = v.safeParse(RoleBody, { role })
      if (parsed.success) await changeRole(context, signedIn, id, parsed.output.role)
      return null
    },
  },
  invite: {
    role: 'admin',
    run: async (visit) => {
      const { invitation } = await createInvitation(visit.context, visit.signedIn)
      return showUsers(visit, { invitation })
    },
  },
  'shown-invitation': {
    role: 'admin',
    run: async (visit, { invitation = '' }) =>
      (await confirmInvitation(visit.context, invitation)) ? showUsers(visit, { invitation }) : null,
  },
}

/** Returns the pages on which moderators and admins look after the platform. */
export function adminRoutes(context: PagesContext): Hono {
  return new Hono()
    .get('/admin', (c) => c.redirect('admin/reports', 302))
    .get(
      '/admin/reports',
      openFor(context, 'moderator', (visit) => showReports(visit)),
    )
    .post('/admin/reports', (c) => submit(context, c, { forms: REPORT_FORMS, show: showReports }))
    .get(
      '/admin/users',
      openFor(context, 'moderator', (visit) => showUsers(visit)),
    )
    .post('/admin/users', (c) =>
      submit(context, c, { forms: USER_FORMS, show: (visit, problem) => showUsers(visit, { problem }) }),
    )
    .get(
      '/admin/audit',
      openFor(context, 'admin', (visit) => showAudit(visit)),
    )
}

/** Returns a handler of a page that is open to a role. */
function openFor(context: PagesContext, role: Role, show: (visit: UserVisit) => Promise<Response>) {
  return openSignedIn(context, async (visit) => {
    await requireRole(context, visit.c, role)
    return show(visit)
  })
}

/** The forms of a page, and how the page is shown with what is wrong. */
type FormsOfPage = {
  readonly forms: Readonly<Record<string, AdminForm>>
  readonly show: (visit: UserVisit, problem: string) => Promise<Response>
}

async function submit(context: PagesContext, c: HonoContext, { forms, show }: FormsOfPage): Promise<Response> {
  const values = await readForm(context, c)
  return openSignedIn(context, async (visit) => {
    const form = Object.hasOwn(forms, values['form'] ?? '') ? forms[values['form'] ?? ''] : undefined
    await requireRole(context, c, form?.role ?? 'moderator')
    const tried = await tryForm(
      async () => (await form?.run(visit, values)) ?? null,
      (rule) => explainRule(rule, visit),
    )
    if ('problems' in tried) return show(visit, tried.problems.form ?? '')
    const { pathname, search } = new URL(c.req.url)
    return tried.result ?? c.redirect(`${pathname.split('/').at(-1)}${search}`, 303)
  })(c)
}

function explainRule({ code }: BrokenRule, { language }: UserVisit): { readonly form: string } | null {
  const text = MODERATION_MESSAGES[language]
  if (code === 'LAST_ADMIN') return { form: text.lastAdmin }
  if (code === 'INVALID_CONFIG') return { form: text.reasonMissing }
  if (code === 'FORBIDDEN') return { form: text.notAllowed }
  return null
}
