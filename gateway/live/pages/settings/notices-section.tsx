/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { NoticePreferences } from '../../notices/present.ts'
import { ANNOUNCEMENT_KINDS } from '../../rules/notice-kind.ts'
import { NOTICE_MESSAGES } from '../messages/notices.ts'

type NoticesSectionParts = {
  readonly wanted: NoticePreferences
  readonly isSaved: boolean
  readonly language: Language
}

/** Renders which kinds of notices the user wants. */
export function NoticesSection({ wanted, isSaved, language }: NoticesSectionParts) {
  const text = NOTICE_MESSAGES[language]
  return (
    <section class="panel" id="notices" aria-labelledby="notices-title">
      <h2 id="notices-title">{text.wantedTitle}</h2>
      <p class="muted">{text.wantedLead}</p>
      {isSaved ? <Note kind="fine" title={text.saved} /> : null}
      <form class="form" method="post" action="settings">
        <input type="hidden" name="form" value="notices" />
        {ANNOUNCEMENT_KINDS.map((kind) => (
          <label class="choice">
            <input type="checkbox" name={kind} checked={wanted[kind]} />
            <span>{text.wanted[kind]}</span>
          </label>
        ))}
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
    </section>
  )
}
