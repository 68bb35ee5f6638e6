/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MonitorArt } from '../../../web/components/art.tsx'
import type { SubjectView, TakenDownView } from '../../moderation/present.ts'
import { listReports } from '../../moderation/settle-reports.ts'
import { listTakenDown } from '../../moderation/take-down.ts'
import { Confirm } from '../confirm.tsx'
import { FreshArea, showPart } from '../fresh-area.tsx'
import { cursorQuery } from '../list-turn.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { Moment } from '../moment.tsx'
import { RowForm } from '../row-form.tsx'
import type { UserVisit } from '../visit.ts'
import { ADMIN_ROOT, LIST_PART, OlderLink, ReasonForm, showAdminPage } from './admin-frame.tsx'

const SHOWN = 30

/** Shows what users reported, and the recordings that are taken down. */
export async function showReports(visit: UserVisit, problem?: string): Promise<Response> {
  const { c, context, language } = visit
  const text = MODERATION_MESSAGES[language]
  const state = c.req.query('state') === 'closed' ? 'closed' : 'open'
  const [reports, takenDown] = await Promise.all([
    listReports(context, { state, cursor: c.req.query('cursor'), limit: SHOWN }),
    listTakenDown(context),
  ])
  const list = (
    <>
      {reports.reports.length === 0 ? (
        <NoReports visit={visit} state={state} />
      ) : (
        <ul class="notices reports">
          {reports.reports.map((subject) => (
            <Subject subject={subject} isOpen={state === 'open'} visit={visit} />
          ))}
        </ul>
      )}
      <OlderLink visit={visit} cursor={reports.next_cursor} query={{ state }} />
      <TakenDown list={takenDown} visit={visit} />
    </>
  )
  if (c.req.query('part') === LIST_PART) return showPart(c, list)
  const query = { state, ...cursorQuery(c) }
  const main = (
    <>
      <nav class="actions" aria-label={text.reports}>
        {(['open', 'closed'] as const).map((one) => (
          <a class="button button-small" href={`?state=${one}`} aria-current={one === state ? 'page' : undefined}>
            {text[one]}
          </a>
        ))}
      </nav>
      <FreshArea part={LIST_PART} query={query} class="stack">
        {list}
      </FreshArea>
    </>
  )
  return showAdminPage(visit, { section: 'reports', main, problem, query, status: problem ? 400 : 200 })
}

function NoReports({ visit, state }: { readonly visit: UserVisit; readonly state: 'open' | 'closed' }) {
  const text = MODERATION_MESSAGES[visit.language]
  if (state === 'closed') return <p class="muted">{text.noneClosed}</p>
  return (
    <section class="blank">
      <MonitorArt lamp="off" />
      <h2>{text.noReportsTitle}</h2>
      <p>{text.noReportsText}</p>
    </section>
  )
}

type SubjectParts = { readonly subject: SubjectView; readonly isOpen: boolean; readonly visit: UserVisit }

function Subject({ subject, isOpen, visit: { language } }: SubjectParts) {
  const text = MODERATION_MESSAGES[language]
  const { kind, id, user, reports, reasons, last_at: lastAt } = subject
  return (
    <li>
      <div>
        <p>
          <span class="badge">{text.subject[kind]}</span>{' '}
          <a href={`${ADMIN_ROOT}/${pathOf(subject)}`}>{subject.text}</a>
        </p>
        <p class="muted small">
          <a href={`users?q=${user.username}`}>{text.by(user.username)}</a> · {text.reportedTimes(reports)} ·{' '}
          <Moment at={lastAt} language={language} />
        </p>
        {reasons.map((reason) => (
          <p class="quote">{reason}</p>
        ))}
      </div>
      {isOpen ? (
        <div class="actions">
          {kind === 'archive' ? (
            <ReasonForm
              id={`reason-${id}`}
              title={text.takeDown}
              lead={text.takeDownText}
              label={text.reasonTold}
              fields={{ form: 'take-down', id }}
            />
          ) : null}
          {kind === 'message' ? (
            <Confirm
              title={text.deleteMessage}
              text={text.deleteMessageText}
              button={text.deleteMessageButton}
              form="delete-message"
              action="reports"
              fields={{ id }}
            />
          ) : null}
          <RowForm button={text.close} label={text.closeOf(subject.text)} fields={{ form: 'close', id }} />
        </div>
      ) : null}
    </li>
  )
}

/** Returns the path of the page that shows what was reported. */
function pathOf({ kind, id, stream_id: streamId, user }: SubjectView): string {
  if (kind === 'user') return `@${user.username}`
  return kind === 'archive' ? `archives/${id}` : `watch/${streamId ?? id}`
}

type TakenDownParts = { readonly list: readonly TakenDownView[]; readonly visit: UserVisit }

function TakenDown({ list, visit: { language } }: TakenDownParts) {
  if (list.length === 0) return null
  const text = MODERATION_MESSAGES[language]
  return (
    <section class="panel" aria-labelledby="taken-down-title">
      <h2 id="taken-down-title">{text.takenDownTitle}</h2>
      <ul class="sessions">
        {list.map(({ archive_id: id, title, user, at, reason }) => (
          <li>
            <div>
              <strong>{title}</strong>
              <p class="muted small">
                {text.by(user.username)} · <Moment at={at} language={language} />
              </p>
              <p class="quote">{reason}</p>
            </div>
            <RowForm button={text.restore} label={text.restoreOf(title)} fields={{ form: 'restore', id }} />
          </li>
        ))}
      </ul>
    </section>
  )
}
