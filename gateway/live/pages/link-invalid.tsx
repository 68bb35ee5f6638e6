/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MonitorArt } from '../../web/components/art.tsx'
import { showPage } from './frame.tsx'
import { MAIL_PAGE_MESSAGES } from './messages/mails.ts'
import type { Visit } from './visit.ts'

/** Shows that the link of a mail cannot be used, and where one requests another: the path of that page. */
export function showLinkInvalid(visit: Visit, another: 'forgot' | 'settings'): Promise<Response> {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const main = (
    <div class="message-page">
      <MonitorArt lamp="off" />
      <h1>{text.linkInvalidTitle}</h1>
      <p>{text.linkInvalidText}</p>
      <a class="button button-primary" href={another}>
        {text.requestAnother}
      </a>
    </div>
  )
  return showPage(visit, { title: text.linkInvalidTitle, root: '.', main, status: 403 })
}
