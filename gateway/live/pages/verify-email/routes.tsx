/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { Note } from '../../../web/components/forms.tsx'
import { verifyEmail } from '../../accounts/mails/use-link.ts'
import { VerifyEmailBody } from '../../accounts/requests.ts'
import { DoorPage } from '../door.tsx'
import { readForm, tryForm } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { showLinkInvalid } from '../link-invalid.tsx'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import { beginVisit, openWithMail, requireMailPage, type PagesContext, type Visit } from '../visit.ts'

/** Returns the page to which the link that verifies an address leads. Programs that open links of mails use none up. */
export function verifyEmailRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/verify-email',
      openWithMail(context, (visit) => (visit.c.req.query('done') === undefined ? showVerify(visit) : showDone(visit))),
    )
    .post('/verify-email', (c) => submit(context, c))
}

async function submit(context: PagesContext, c: HonoContext): Promise<Response> {
  requireMailPage(context)
  const { token = '' } = await readForm(context, c)
  const visit = await beginVisit(context, c)
  if (!v.is(VerifyEmailBody, { token })) return showLinkInvalid(visit, 'settings')
  const tried = await tryForm(
    () => verifyEmail(context, token),
    ({ code }) => (code === 'LINK_INVALID' ? {} : null),
  )
  return 'result' in tried ? c.redirect('verify-email?done', 303) : showLinkInvalid(visit, 'settings')
}

function showVerify(visit: Visit): Promise<Response> {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const token = visit.c.req.query('token') ?? ''
  const main = (
    <DoorPage title={text.verifyTitle} lead={text.verifyLead}>
      <form class="form" method="post" action="verify-email">
        <input type="hidden" name="token" value={token} />
        <button class="button button-primary" type="submit">
          {text.verifyButton}
        </button>
      </form>
    </DoorPage>
  )
  return showPage(visit, { title: text.verifyTitle, root: '.', main, query: { token } })
}

function showDone(visit: Visit): Promise<Response> {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const main = (
    <DoorPage title={text.verifyTitle} lead={text.verifyLead}>
      <Note kind="fine" title={text.verifyDone} />
      <a class="button button-primary" href={visit.signedIn === null ? 'sign-in' : '.'}>
        {text.goOn}
      </a>
    </DoorPage>
  )
  return showPage(visit, { title: text.verifyTitle, root: '.', main })
}
