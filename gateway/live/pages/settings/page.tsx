/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { Field, Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { listSessions } from '../../accounts/list-sessions.ts'
import type { SessionList } from '../../accounts/present.ts'
import { readBlocks } from '../../chat/moderation/blocks.ts'
import { readModerators } from '../../chat/moderation/moderators.ts'
import { readNoticePreferences } from '../../notices/read-notices.ts'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
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
import { PUSH_SCRIPT } from './push-box.tsx'

export type SettingsField = 'username' | 'email' | 'password' | 'current_password' | 'delete_password' | 'moderator'

/** The form that was sent, and what is wrong with it; `form` is empty where none was. */
export type SentForm = {
  readonly form: string
  readonly values: FormTexts
  readonly problems: FieldProblems<SettingsField>
  readonly status?: ContentfulStatusCode
}

type SectionParts = {
  readonly id: string
  readonly title: string
  readonly lead?: string
  readonly saved?: string | null
  readonly problem?: string | undefined
  readonly children?: Child
}

/** Shows the settings of the signed-in user. */
export async function showSettings(visit: UserVisit, sent: SentForm): Promise<Response> {
  const text = SETTINGS_MESSAGES[visit.language]
  const { context, signedIn, language } = visit
  const [{ sessions }, { users: blocked }, { users: moderators }, wanted] = await Promise.all([
    listSessions(context, signedIn),
    readBlocks(context, signedIn),
    readModerators(context, signedIn),
    readNoticePreferences(context, signedIn),
  ])
  const main = (
    <div class="wrap settings">
      <h1>{text.title}</h1>
      <nav class="settings-nav" aria-label={text.sections}>
        <a href="#profile">{text.profile}</a>
        <a href="#password">{text.security}</a>
        <a href="#notices">{NOTICE_MESSAGES[language].wantedTitle}</a>
        <a href="#sessions">{text.sessions}</a>
        <a href="#data">{text.data}</a>
        <a href="#delete">{text.delete}</a>
        {takesTips(context) ? <a href="tips">{TIP_MESSAGES[language].list}</a> : null}
      </nav>
      <div class="stack">
        <ProfileSection visit={visit} sent={sent} />
        <PasswordSection visit={visit} sent={sent} />
        <NoticesSection wanted={wanted} visit={visit} />
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

function Section({ id, title, lead, saved, problem, children }: SectionParts) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {lead === undefined ? null : <p class="muted">{lead}</p>}
      {saved ? <Note kind="fine" title={saved} /> : null}
      {problem === undefined ? null : <Note kind="alert" title={problem} />}
      {children}
    </section>
  )
}

type FormSection = { readonly visit: UserVisit; readonly sent: SentForm }

/** Returns the problems of one form of the page. */
function problemsOf({ form, problems }: SentForm, name: string): FieldProblems<SettingsField> {
  return form === name ? problems : {}
}

function savedNote({ c }: UserVisit, name: string, note: string): string | null {
  return c.req.query('saved') === name ? note : null
}

function ProfileSection({ visit, sent }: FormSection) {
  const text = SETTINGS_MESSAGES[visit.language]
  const account = ACCOUNT_MESSAGES[visit.language]
  const problems = problemsOf(sent, 'profile')
  const { user } = visit.signedIn
  const values = sent.form === 'profile' ? sent.values : {}
  return (
    <Section
      id="profile"
      title={text.profile}
      saved={savedNote(visit, 'profile', text.profileSaved)}
      problem={problems.form}
    >
      <form class="form" method="post" action="settings" novalidate>
        <input type="hidden" name="form" value="profile" />
        <Field
          name="username"
          label={account.username}
          hint={account.usernameHint}
          value={values['username'] ?? user.username}
          problem={problems.username}
          autocomplete="username"
          maxLength={50}
        />
        <Field
          name="email"
          type="email"
          label={account.email}
          hint={account.emailHint}
          value={values['email'] ?? user.email}
          problem={problems.email}
          autocomplete="email"
          maxLength={255}
        />
        <Field
          id="profile-current"
          name="current_password"
          type="password"
          label={text.currentPassword}
          hint={text.currentHint}
          problem={problems.current_password}
          autocomplete="current-password"
          isOptional
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
      <Verification visit={visit} sent={sent} />
    </Section>
  )
}

/** Renders whether the address is verified; nothing where no e-mail is sent. */
function Verification({ visit, sent }: FormSection) {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const { context, signedIn } = visit
  if (context.settings.mail === null) return null
  if (signedIn.user.emailVerifiedAt !== null) return <p class="muted">{text.isVerified}</p>
  const saved = savedNote(visit, 'verify', text.verificationSent)
  const problem = problemsOf(sent, 'verify').form
  return (
    <form class="verification" method="post" action="settings">
      <input type="hidden" name="form" value="verify" />
      {saved === null ? <Note kind="warning" title={text.isNotVerified} /> : <Note kind="fine" title={saved} />}
      {problem === undefined ? null : <Note kind="alert" title={problem} />}
      <button class="button" type="submit">
        {text.sendAgain}
      </button>
    </form>
  )
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
