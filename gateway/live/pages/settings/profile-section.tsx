/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field, Note, TextArea } from '../../../web/components/forms.tsx'
import { Area } from '../fresh-area.tsx'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { problemsOf, savedNote, Section, type FormSection } from './section.tsx'

/** Renders the form of what others see of the user, and of the e-mail address. */
export function ProfileSection({ visit, sent }: FormSection) {
  const text = SETTINGS_MESSAGES[visit.language]
  const problems = problemsOf(sent, 'profile')
  return (
    <Section
      id="profile"
      title={text.profile}
      saved={savedNote(visit, 'profile', text.profileSaved)}
      problem={problems.form}
    >
      <form class="form" method="post" action="settings" novalidate>
        <input type="hidden" name="form" value="profile" />
        <ProfileFields visit={visit} sent={sent} />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
      {problemsOf(sent, 'verify').form === undefined ? (
        <VerificationArea visit={visit} />
      ) : (
        <Verification visit={visit} problem={problemsOf(sent, 'verify').form} />
      )}
    </Section>
  )
}

function ProfileFields({ visit, sent }: FormSection) {
  const text = SETTINGS_MESSAGES[visit.language]
  const account = ACCOUNT_MESSAGES[visit.language]
  const problems = problemsOf(sent, 'profile')
  const { user } = visit.signedIn
  const values = sent.form === 'profile' ? sent.values : {}
  return (
    <>
      <Field
        name="username"
        label={account.username}
        hint={account.usernameHint}
        value={values['username'] ?? user.username}
        problem={problems.username}
        autocomplete="username"
        maxLength={50}
      />
      <TextArea
        name="about"
        label={text.about}
        hint={text.aboutHint}
        value={values['about'] ?? user.about ?? ''}
        problem={problems.about}
        maxLength={1000}
        isOptional
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
    </>
  )
}

/** Renders whether the address is verified, as it is now. */
export function VerificationArea({ visit }: Pick<FormSection, 'visit'>) {
  return (
    <Area name="verification">
      <Verification visit={visit} problem={undefined} />
    </Area>
  )
}

type VerificationParts = Pick<FormSection, 'visit'> & { readonly problem: string | undefined }

/** Renders whether the address is verified; nothing where no e-mail is sent. */
function Verification({ visit, problem }: VerificationParts) {
  const text = MAIL_PAGE_MESSAGES[visit.language]
  const { context, signedIn } = visit
  if (context.settings.mail === null) return null
  if (signedIn.user.emailVerifiedAt !== null) return <p class="muted">{text.isVerified}</p>
  const saved = savedNote(visit, 'verify', text.verificationSent)
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
