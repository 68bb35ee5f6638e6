/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../../web/messages.ts'
import type { UserList } from '../../chat/moderation/present.ts'
import { Area } from '../fresh-area.tsx'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { RowForm } from '../row-form.tsx'

type BlockedSectionParts = { readonly users: UserList['users']; readonly language: Language }

/** Renders whose messages the user does not want to see; nothing where there is no one. */
export function BlockedArea(parts: BlockedSectionParts) {
  return (
    <Area name="blocked">
      <BlockedSection {...parts} />
    </Area>
  )
}

function BlockedSection({ users, language }: BlockedSectionParts) {
  if (users.length === 0) return null
  const text = SETTINGS_MESSAGES[language]
  return (
    <section class="panel" id="blocked" aria-labelledby="blocked-title">
      <h2 id="blocked-title">{text.blocked}</h2>
      <p class="muted">{text.blockedLead}</p>
      <ul class="sessions">
        {users.map(({ user_id: id, username }) => (
          <li>
            <strong>{username}</strong>
            <RowForm
              button={text.unblock}
              label={text.unblockOf(username)}
              fields={{ form: 'unblock', user_id: id }}
              action="settings"
            />
          </li>
        ))}
      </ul>
    </section>
  )
}
