/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { UserList } from '../../chat/moderation/present.ts'
import { Area } from '../fresh-area.tsx'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { RowForm } from '../row-form.tsx'

/** Renders who moderates the chats of the user's channel. */
export function ModeratorsArea({ users, language }: Pick<ModeratorsSectionParts, 'users' | 'language'>) {
  const text = SETTINGS_MESSAGES[language]
  return (
    <Area name="moderators">
      <ul class="sessions">
        {users.map(({ user_id: id, username }) => (
          <li>
            <strong>{username}</strong>
            <RowForm
              button={text.moderatorRemove}
              label={text.moderatorRemoveOf(username)}
              fields={{ form: 'remove-moderator', user_id: id }}
              action="settings"
            />
          </li>
        ))}
      </ul>
    </Area>
  )
}

type ModeratorsSectionParts = {
  readonly users: UserList['users']
  readonly language: Language
  /** The name that was sent, and what is wrong with it. */
  readonly name: string
  readonly problem: string | undefined
}

/** Renders who moderates the chats of the user's channel, and the form that adds one. */
export function ModeratorsSection({ users, language, name, problem }: ModeratorsSectionParts) {
  const text = SETTINGS_MESSAGES[language]
  return (
    <section class="panel" id="moderators" aria-labelledby="moderators-title">
      <h2 id="moderators-title">{text.moderators}</h2>
      <p class="muted">{text.moderatorsLead}</p>
      <ModeratorsArea users={users} language={language} />
      <form class="form" method="post" action="settings">
        <input type="hidden" name="form" value="add-moderator" />
        <Field
          id="moderator-name"
          name="moderator"
          label={text.moderatorName}
          value={name}
          problem={problem}
          autocomplete="off"
        />
        <div class="actions">
          <button class="button" type="submit">
            {text.moderatorAdd}
          </button>
        </div>
      </form>
    </section>
  )
}
