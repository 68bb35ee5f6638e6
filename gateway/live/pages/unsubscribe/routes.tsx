/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono, type Context as HonoContext } from 'hono'

import { readBody } from '../../../http/body-limit.ts'
import { Note } from '../../../web/components/forms.tsx'
import { findUser } from '../../accounts/store/users.ts'
import {
  readUnsubscribeLink,
  unsubscribe,
  type UnsubscribeLink,
  type UnsubscribeScope,
} from '../../notices/email/unsubscribe.ts'
import { DoorPage } from '../door.tsx'
import { showPage } from '../frame.tsx'
import { UNSUBSCRIBE_MESSAGES } from '../messages/unsubscribe.ts'
import { beginVisit, open, type PagesContext, type Visit } from '../visit.ts'

/**
 * Returns the page to which the link in a mail about a notice leads. It needs no session: the link is signed. Programs that
 * open links of mails change nothing; mail programs send a POST (RFC 8058).
 */
export function unsubscribeRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/unsubscribe',
      open(context, (visit) => showUnsubscribe(visit, null)),
    )
    .post('/unsubscribe', async (c) => {
      const scope = await readScope(c)
      return showUnsubscribe(await beginVisit(context, c), scope)
    })
}

/** Returns what a form ends: all, unless a button of the page says otherwise. Mail programs send no field of ours. */
async function readScope(c: HonoContext): Promise<UnsubscribeScope> {
  await readBody(c)
  const { scope } = await c.req.parseBody()
  return scope === 'channel' ? 'channel' : 'all'
}

/** Ends mails where `scope` says so, and shows the page. */
async function showUnsubscribe(visit: Visit, scope: UnsubscribeScope | null): Promise<Response> {
  const { c, context, language } = visit
  const text = UNSUBSCRIBE_MESSAGES[language]
  const link = readUnsubscribeLink(context, c.req.query())
  if (link === null) return showIncomplete(visit)
  const isOwn = link.channel === link.user
  const channel = isOwn ? null : ((await findUser(context.db, link.channel))?.username ?? null)
  if (scope !== null) await unsubscribe(context, link, scope)
  const main = (
    <DoorPage title={text.title} lead={text.lead}>
      {scope === null ? (
        <UnsubscribeForm link={link} channel={channel} language={language} />
      ) : (
        <Note kind="fine" title={scope === 'channel' ? text.doneChannel(channel ?? '') : text.doneAll} />
      )}
      <a href="settings#notices">{text.settings}</a>
    </DoorPage>
  )
  return showPage(visit, { title: text.title, root: '.', main, query: link })
}

function showIncomplete(visit: Visit): Promise<Response> {
  const text = UNSUBSCRIBE_MESSAGES[visit.language]
  const main = (
    <DoorPage title={text.invalidTitle} lead={text.invalidText}>
      <a class="button button-primary" href="settings#notices">
        {text.settings}
      </a>
    </DoorPage>
  )
  return showPage(visit, { title: text.invalidTitle, root: '.', main, status: 400 })
}

type UnsubscribeFormParts = {
  readonly link: UnsubscribeLink
  /** `null`: the mail was about the own broadcast. */
  readonly channel: string | null
  readonly language: Visit['language']
}

function UnsubscribeForm({ link, channel, language }: UnsubscribeFormParts) {
  const text = UNSUBSCRIBE_MESSAGES[language]
  return (
    <form class="form" method="post" action={`unsubscribe?${new URLSearchParams(link).toString()}`}>
      {channel === null ? null : (
        <button class="button button-primary" type="submit" name="scope" value="channel">
          {text.endChannel(channel)}
        </button>
      )}
      <button class="button" type="submit" name="scope" value="all">
        {text.endAll}
      </button>
    </form>
  )
}
