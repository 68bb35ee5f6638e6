/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { listSessions } from '../../accounts/list-sessions.ts'
import { readBlocks } from '../../chat/moderation/blocks.ts'
import { readModerators } from '../../chat/moderation/moderators.ts'
import { readNoticePreferences } from '../../notices/read-notices.ts'
import { readFaultWebhook } from '../../notices/webhook/set-fault-webhook.ts'
import { showPage } from '../frame.tsx'
import { Refresher, showPart } from '../fresh-area.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { FAULT_WEBHOOK_MESSAGES } from '../messages/fault-webhook.ts'
import { NOTICE_MESSAGES } from '../messages/notices.ts'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { TIP_MESSAGES } from '../messages/tips.ts'
import { takesTips } from '../tip/takes-tips.ts'
import type { UserVisit } from '../visit.ts'
import { BlockedArea } from './blocked-section.tsx'
import { ModeratorsArea, ModeratorsSection } from './moderators-section.tsx'
import { NoticesSection } from './notices-section.tsx'
import { ProfileSection, VerificationArea } from './profile-section.tsx'
import { PUSH_SCRIPT } from './push-box.tsx'
import { SessionsArea, SessionsSection } from './sessions-section.tsx'
import { problemsOf, savedNote, Section, type FormSection, type SentForm } from './section.tsx'
import { showsWebhook, WebhookSection } from './webhook-section.tsx'

/** The form that shows a secret again, in another language. */
export const SHOWN_SECRET_FORM = 'webhook-secret-shown'

/** The part of the page that is read again by itself. */
export const LISTS_PART = 'lists'

/** Reads what other windows and other users change of the settings. */
async function readSettingLists({ context, signedIn }: UserVisit) {
  const [{ sessions }, { users: blocked }, { users: moderators }] = await Promise.all([
    listSessions(context, signedIn),
    readBlocks(context, signedIn),
    readModerators(context, signedIn),
  ])
  return { sessions, blocked, moderators }
}

/** Returns the parameter that says which form was saved, for the notes of what is read again. */
function savedQuery({ c }: UserVisit): Readonly<Record<string, string>> {
  const saved = c.req.query('saved')
  return saved === undefined ? {} : { saved }
}

/** Answers with what is read again by itself. */
export async function showSettingLists(visit: UserVisit): Promise<Response> {
  const { c, language } = visit
  const { sessions, blocked, moderators } = await readSettingLists(visit)
  return showPart(
    c,
    <>
      <VerificationArea visit={visit} />
      <SessionsArea visit={visit} sessions={sessions} />
      <ModeratorsArea users={moderators} language={language} />
      <BlockedArea users={blocked} language={language} />
    </>,
  )
}

/** Shows the settings of the signed-in user. */
export async function showSettings(visit: UserVisit, sent: SentForm): Promise<Response> {
  const text = SETTINGS_MESSAGES[visit.language]
  const { context, signedIn, language } = visit
  const [{ sessions, blocked, moderators }, wanted, webhook] = await Promise.all([
    readSettingLists(visit),
    readNoticePreferences(context, signedIn),
    readFaultWebhook(context, signedIn),
  ])
  const main = (
    <div class="wrap settings">
      <h1>{text.title}</h1>
      <nav class="settings-nav" aria-label={text.sections}>
        <a href="#profile">{text.profile}</a>
        <a href="#password">{text.security}</a>
        <a href="#notices">{NOTICE_MESSAGES[language].wantedTitle}</a>
        {showsWebhook(context, webhook) ? <a href="#webhook">{FAULT_WEBHOOK_MESSAGES[language].title}</a> : null}
        <a href="#sessions">{text.sessions}</a>
        <a href="#data">{text.data}</a>
        <a href="#delete">{text.delete}</a>
        {takesTips(context) ? <a href="tips">{TIP_MESSAGES[language].list}</a> : null}
      </nav>
      <div class="stack">
        <ProfileSection visit={visit} sent={sent} />
        <PasswordSection visit={visit} sent={sent} />
        <NoticesSection wanted={wanted} visit={visit} />
        {showsWebhook(context, webhook) ? <WebhookSection visit={visit} sent={sent} webhook={webhook} /> : null}
        <SessionsSection visit={visit} sessions={sessions} />
        <ModeratorsSection
          users={moderators}
          language={language}
          name={sent.values['moderator'] ?? ''}
          problem={sent.problems.moderator}
        />
        <BlockedArea users={blocked} language={language} />
        <Section id="data" title={text.data} lead={text.dataLead}>
          <div class="actions">
            <a class="button" href="api/v1/users/me/export" download="tallylight.json">
              <Icon name="download" />
              {text.export}
            </a>
          </div>
        </Section>
        <DeleteSection visit={visit} sent={sent} />
      </div>
      <Refresher part={LISTS_PART} query={savedQuery(visit)} />
    </div>
  )
  const { status = 200, secret } = sent
  const shownOnce =
    secret === undefined ? undefined : { action: 'settings', fields: { form: SHOWN_SECRET_FORM, secret } }
  const scripts = context.settings.live.push === null ? [] : [PUSH_SCRIPT]
  return showPage(visit, { title: text.title, root: '.', main, status, scripts, section: 'settings', shownOnce })
}

function PasswordSection({ visit, sent }: FormSection) {
  const text = SETTINGS_MESSAGES[visit.language]
  const account = ACCOUNT_MESSAGES[visit.language]
  const problems = problemsOf(sent, 'password')
  const saved = savedNote(visit, 'password', text.passwordSaved)
  return (
    <Section id="password" title={text.security} lead={text.securityLead} saved={saved} problem={problems.form}>
      <form class="form" method="post" action="settings" novalidate>
        <input type="hidden" name="form" value="password" />
        <input type="text" name="username" value={visit.signedIn.user.username} autocomplete="username" hidden />
        <Field
          id="password-current"
          name="current_password"
          type="password"
          label={text.currentPassword}
          problem={problems.current_password}
          autocomplete="current-password"
        />
        <Field
          id="password-new"
          name="password"
          type="password"
          label={text.newPassword}
          hint={account.passwordHint}
          problem={problems.password}
          autocomplete="new-password"
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.changePassword}
          </button>
        </div>
      </form>
    </Section>
  )
}

function DeleteSection({ visit, sent }: FormSection) {
  const text = SETTINGS_MESSAGES[visit.language]
  const problems = problemsOf(sent, 'delete')
  return (
    <Section id="delete" title={text.delete} lead={text.deleteLead} problem={problems.form}>
      <form class="form" method="post" action="settings">
        <input type="hidden" name="form" value="delete" />
        <Field
          id="delete-password"
          name="password"
          type="password"
          label={text.currentPassword}
          problem={problems.delete_password}
          autocomplete="current-password"
        />
        <div class="actions">
          <button class="button button-danger" type="submit">
            {text.deleteButton}
          </button>
        </div>
      </form>
    </Section>
  )
}
