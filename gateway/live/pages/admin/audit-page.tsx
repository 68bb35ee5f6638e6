/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { listAudit } from '../../moderation/list-audit.ts'
import type { AuditEntryView } from '../../moderation/present.ts'
import { FreshArea, showPart } from '../fresh-area.tsx'
import { cursorQuery } from '../list-turn.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { Moment } from '../moment.tsx'
import type { UserVisit } from '../visit.ts'
import { LIST_PART, OlderLink, showAdminPage } from './admin-frame.tsx'

const SHOWN = 50

/** Shows what moderators and admins did. */
export async function showAudit(visit: UserVisit): Promise<Response> {
  const { c, context, language } = visit
  const { entries, next_cursor: cursor } = await listAudit(context, { cursor: c.req.query('cursor'), limit: SHOWN })
  const list = (
    <>
      {entries.length === 0 ? <p class="muted">{MODERATION_MESSAGES[language].emptyAudit}</p> : null}
      <ul class="sessions">
        {entries.map((entry) => (
          <AuditRow entry={entry} visit={visit} />
        ))}
      </ul>
      <OlderLink visit={visit} cursor={cursor} />
    </>
  )
  if (c.req.query('part') === LIST_PART) return showPart(c, list)
  const query = cursorQuery(c)
  const main = (
    <FreshArea part={LIST_PART} query={query} class="stack">
      {list}
    </FreshArea>
  )
  return showAdminPage(visit, { section: 'audit', main, query })
}

function AuditRow({ entry, visit: { language } }: { readonly entry: AuditEntryView; readonly visit: UserVisit }) {
  const text = MODERATION_MESSAGES[language]
  const { actor, action, target, reason, address, at } = entry
  // What invitations and deleted messages are called says nothing.
  const hasOwnTarget = action !== 'create_invitation' && action !== 'delete_message'
  return (
    <li>
      <div>
        <p>
          <strong>{actor?.username ?? text.operator}</strong> {text.actions[action]}{' '}
          {hasOwnTarget ? (
            <>
              <span class="badge">{text.subject[target.kind]}</span> {target.name ?? text.gone}
            </>
          ) : null}
        </p>
        {reason === '' ? null : <p class="quote">{reason}</p>}
      </div>
      <span class="muted small">
        <Moment at={at} language={language} />
        {address === null ? null : ` · ${address}`}
      </span>
    </li>
  )
}
