/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { listSessions } from '../../accounts/list-sessions.ts'
import type { SessionList } from '../../accounts/present.ts'
import { readBlocks } from '../../chat/moderation/blocks.ts'
import { readModerators } from '../../chat/moderation/moderators.ts'
import { readNoticePreferences } from '../../notices/read-notices.ts'
import { readFaultWebhook } from '../../notices/webhook/set-fault-webhook.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { FAULT_WEBHOOK_MESSAGES } from '../messages/fault-webhook.ts'
import { NOTICE_MESSAGES } from '../messages/notices.ts'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { TIP_MESSAGES } from '../messages/tips.ts'
import { Moment } from '../moment.tsx'
import { takesTips } from '../tip/takes-tips.ts'
import { RowForm } from '../row-form.tsx'
import type { UserVisit } from '../visit.ts'
import { BlockedSection } from './blocked-section.tsx'
import { nameBrowser } from './browser-name.ts'
import { ModeratorsSection } from './moderators-section.tsx'
import { NoticesSection } from './notices-section.tsx'
import { ProfileSection } from './profile-section.tsx'
import { PUSH_SCRIPT } from './push-box.tsx'
import { problemsOf, savedNote, Section, type FormSection, type SentForm } from './section.tsx'
import { showsWebhook, WebhookSection } from './webhook-section.tsx'

/** Shows the settings of the signed-in user. */
export async function showSettings(visit: UserVisit, sent: SentForm): Promise<Response> {
  const text = SETTINGS_MESSAGES[visit.language]
  const { context, signedIn, language } = visit
  const [{ sessions }, { users: blocked }, { users: moderators }, wanted, webhook] = await Promise.all([
    listSessions(context, signedIn),
    readBlocks(context, signedIn),
    readModerators(context, signedIn),
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
        <BlockedSection users={blocked} language={language} />
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
    </div>
  )
  const { status = 200 } = sent
  const scripts = context.settings.live.push === null ? [] : [PUSH_SCRIPT]
  return showPage(visit, { title: text.title, root: '.', main, status, scripts, section: 'settings' })
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

type SessionsParts = { readonly visit: UserVisit; readonly sessions: SessionList['sessions'] }

function SessionsSection({ visit, sessions }: SessionsParts) {
  const text = SETTINGS_MESSAGES[visit.language]
  return (
    <Section
      id="sessions"
      title={text.sessions}
      lead={text.sessionsLead}
      saved={savedNote(visit, 'session', text.sessionEnded)}
    >
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
      <form method="post" action="settings">
        <input type="hidden" name="form" value="everywhere" />
        <button class="button" type="submit">
          {text.endAll}
        </button>
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
