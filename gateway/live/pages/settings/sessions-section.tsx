/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { SessionList } from '../../accounts/present.ts'
import { Area } from '../fresh-area.tsx'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { Moment } from '../moment.tsx'
import { RowForm } from '../row-form.tsx'
import type { UserVisit } from '../visit.ts'
import { nameBrowser } from './browser-name.ts'
import { savedNote, Section } from './section.tsx'

type SessionsParts = { readonly visit: UserVisit; readonly sessions: SessionList['sessions'] }

/** Renders where the user is signed in, and what ends that. */
export function SessionsSection({ visit, sessions }: SessionsParts) {
  const text = SETTINGS_MESSAGES[visit.language]
  return (
    <Section
      id="sessions"
      title={text.sessions}
      lead={text.sessionsLead}
      saved={savedNote(visit, 'session', text.sessionEnded)}
    >
      <SessionsArea visit={visit} sessions={sessions} />
      <form method="post" action="settings">
        <input type="hidden" name="form" value="everywhere" />
        <button class="button" type="submit">
          {text.endAll}
        </button>
      </form>
    </Section>
  )
}

/** Renders the sessions of the user. */
export function SessionsArea({ visit, sessions }: SessionsParts) {
  const text = SETTINGS_MESSAGES[visit.language]
  return (
    <Area name="sessions">
      <ul class="sessions">
        {sessions.map((session) => {
          const name = nameBrowser(session.user_agent) ?? text.unknownBrowser
          return (
            <li>
              <div>
                <strong>{name}</strong> {session.is_current ? <span class="badge">{text.thisSession}</span> : null}
                <p class="muted small">
                  {session.address} · {text.since} <Moment at={session.created_at} language={visit.language} />
                </p>
              </div>
              <RowForm
                button={text.endSession}
                label={text.endSessionOf(name)}
                fields={{ form: 'session', session_id: session.session_id }}
                action="settings"
              />
            </li>
          )
        })}
      </ul>
    </Area>
  )
}
