/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'

import { Avatar, MonitorArt } from '../../../web/components/art.tsx'
import type { NoticeList, NoticeView } from '../../notices/present.ts'
import { listNotices, readAllNotices, readNotice } from '../../notices/read-notices.ts'
import { pageOfNotice } from '../../rules/notice-kind.ts'
import { readForm } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { cursorQuery } from '../list-turn.tsx'
import { NOTICE_MESSAGES } from '../messages/notices.ts'
import { Moment } from '../moment.tsx'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { BellLink, readBellPlace } from '../bell.tsx'

const SHOWN = 30
/** Interval of looking for changes, in seconds. */
const REFRESH_SEC = 2
const ROOT = '.'

/** Returns the page of a user's notices. */
export function noticePageRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/notices',
      openSignedIn(context, (visit) => showNotices(visit)),
    )
    .post('/notices', async (c) => {
      await readForm(context, c)
      return openSignedIn(context, async ({ signedIn }) => {
        await readAllNotices(context, signedIn)
        return c.redirect('notices', 303)
      })(c)
    })
    .get(
      '/notices/:id',
      openSignedIn(context, async ({ c, signedIn }) => {
        const { kind, streamId } = await readNotice(context, signedIn, c.req.param('id') ?? '')
        return c.redirect(`../${pageOfNotice(kind, streamId)}`, 303)
      }),
    )
}

async function showNotices(visit: UserVisit): Promise<Response> {
  const { c, context, signedIn, language } = visit
  if (c.req.query('part') === 'bell') {
    c.header('Cache-Control', 'no-store')
    return c.html(await BellLink({ visit, ...readBellPlace(c) }))
  }
  const cursor = c.req.query('cursor')
  const list = await listNotices(context, signedIn, { cursor, limit: SHOWN })
  if (c.req.query('part') === 'list') {
    c.header('Cache-Control', 'no-store')
    return c.html(<NoticeRows list={list} visit={visit} />)
  }
  const text = NOTICE_MESSAGES[language]
  const query = cursorQuery(c)
  const refresh = new URLSearchParams({ part: 'list', ...query })
  const main = (
    <div class="wrap stack">
      <h1>{text.title}</h1>
      <div class="stack" data-refresh={`?${refresh.toString()}`} data-every={REFRESH_SEC}>
        <NoticeRows list={list} visit={visit} />
      </div>
    </div>
  )
  return showPage(visit, { title: text.title, root: ROOT, main, section: 'notices', query })
}

type RowsParts = { readonly list: NoticeList; readonly visit: UserVisit }

/** Renders all that changes by itself. */
function NoticeRows({ list, visit: { language } }: RowsParts) {
  const text = NOTICE_MESSAGES[language]
  const { notifications, next_cursor: cursor, unread_count: unread } = list
  if (notifications.length === 0) {
    return (
      <section class="blank">
        <MonitorArt lamp="off" />
        <h2>{text.emptyTitle}</h2>
        <p>{text.emptyText}</p>
        <a class="button" href="./">
          {text.findChannels}
        </a>
      </section>
    )
  }
  return (
    <>
      {unread === 0 ? null : (
        <form method="post" action="notices">
          <button class="button button-small" type="submit">
            {text.readAll}
          </button>
        </form>
      )}
      <ul class="notices">
        {notifications.map((notice) => (
          <NoticeRow notice={notice} language={language} />
        ))}
      </ul>
      {cursor === null ? null : (
        <a class="button" href={`?cursor=${encodeURIComponent(cursor)}`}>
          {text.older}
        </a>
      )}
    </>
  )
}

type RowParts = { readonly notice: NoticeView; readonly language: UserVisit['language'] }

function NoticeRow({ notice, language }: RowParts) {
  const text = NOTICE_MESSAGES[language]
  const { notification_id: id, kind, stream, created_at: at } = notice
  const isPlanned = kind === 'scheduled' || kind === 'soon'
  return (
    <li>
      <Avatar name={stream.user.username} />
      <div>
        <a href={`notices/${id}`}>{text[kind](stream.user.username)}</a>
        <p class="muted small">
          {stream.title} · <Moment at={isPlanned ? (stream.scheduled_for ?? at) : at} language={language} />
        </p>
      </div>
      {notice.read_at === null ? <span class="badge badge-scheduled">{text.unread}</span> : null}
    </li>
  )
}
