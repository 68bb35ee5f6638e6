/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import { noticeChannels } from '../../notices/deliver-notices.ts'
import type { NoticePreferences } from '../../present-preferences.ts'
import { ANNOUNCEMENT_KINDS, NOTICE_KINDS, type NoticeKind } from '../../rules/notice-kind.ts'
import { NOTICE_MESSAGES } from '../messages/notices.ts'
import type { UserVisit } from '../visit.ts'
import { PushBox } from './push-box.tsx'

type NoticesSectionParts = { readonly wanted: NoticePreferences; readonly visit: UserVisit }

/** Renders which kinds of notices the user wants, and how. */
export function NoticesSection({ wanted, visit }: NoticesSectionParts) {
  const { c, context, language } = visit
  const text = NOTICE_MESSAGES[language]
  return (
    <section class="panel" id="notices" aria-labelledby="notices-title">
      <h2 id="notices-title">{text.wantedTitle}</h2>
      <p class="muted">{text.wantedLead}</p>
      {c.req.query('saved') === 'notices' ? <Note kind="fine" title={text.saved} /> : null}
      <form class="form" method="post" action="settings">
        <input type="hidden" name="form" value="notices" />
        <ChoiceSet title={text.onPage} kinds={ANNOUNCEMENT_KINDS} prefix="" wanted={wanted} language={language} />
        {noticeChannels(context).map((channel) => (
          <ChoiceSet
            title={text.channels[channel]}
            kinds={NOTICE_KINDS}
            prefix={`${channel}-`}
            wanted={wanted[channel]}
            language={language}
          />
        ))}
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
      <PushBox visit={visit} />
    </section>
  )
}

type ChoiceSetParts = {
  readonly title: string
  readonly kinds: readonly NoticeKind[]
  /** What the names of its fields begin with. */
  readonly prefix: string
  readonly wanted: Partial<Record<NoticeKind, unknown>>
  readonly language: Language
}

function ChoiceSet({ title, kinds, prefix, wanted, language }: ChoiceSetParts) {
  const text = NOTICE_MESSAGES[language]
  return (
    <fieldset class="choices">
      <legend>{title}</legend>
      {kinds.map((kind) => (
        <label class="choice">
          <input type="checkbox" name={`${prefix}${kind}`} checked={wanted[kind] === true} />
          <span>{text.wanted[kind]}</span>
        </label>
      ))}
    </fieldset>
  )
}
