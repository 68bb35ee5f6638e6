import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { UUID } from '../../../../shared/ids.ts'
import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { deleteUser } from '../../accounts/delete-user.ts'
import { requestVerification } from '../../accounts/mails/request-mail.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { DeleteUserBody, UpdateUserBody } from '../../accounts/requests.ts'
import { clearSessionCookie } from '../../accounts/session.ts'
import { deleteSession, deleteUserSessions } from '../../accounts/store/sessions.ts'
import { updateUser } from '../../accounts/update-user.ts'
import { unblockUser } from '../../chat/moderation/blocks.ts'
import { addModerator, removeModerator } from '../../chat/moderation/moderators.ts'
import { noticeChannels } from '../../notices/deliver-notices.ts'
import type { NoticeChannel } from '../../rules/notice-kind.ts'
import { updateNoticePreferences } from '../../notices/read-notices.ts'
import type { FaultWebhookSecret } from '../../notices/webhook/present.ts'
import { faultWebhookBody } from '../../notices/webhook/requests.ts'
import {
  isFaultSecret,
  renewFaultSecret,
  sendTestWebhook,
  setFaultWebhook,
} from '../../notices/webhook/set-fault-webhook.ts'
import { readForm, tryForm, wrongFields, type FieldProblems, type FormTexts } from '../form-body.ts'
import { ACCOUNT_MESSAGES } from '../messages/accounts.ts'
import { FAULT_WEBHOOK_MESSAGES } from '../messages/fault-webhook.ts'
import { MAIL_PAGE_MESSAGES } from '../messages/mails.ts'
import { SETTINGS_MESSAGES } from '../messages/settings.ts'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { LISTS_PART, SHOWN_SECRET_FORM, showSettingLists, showSettings } from './page.tsx'
import type { SettingsField } from './section.tsx'

/** What a form of the page leads to: the page again with its problems, or with a secret, or another address. */
type FormOutcome =
  | { readonly problems: FieldProblems<SettingsField> }
  | { readonly leadTo: string }
  | { readonly secret: string }
type SettingsForm = (visit: UserVisit, form: FormTexts) => Promise<FormOutcome>

/** The forms of the page, by the value of their hidden field `form`. */
const FORMS: Readonly<Record<string, SettingsForm>> = {
  profile: saveProfile,
  verify: sendVerification,
  password: changePassword,
  session: endSession,
  everywhere: endAllSessions,
  unblock,
  'add-moderator': addChatModerator,
  'remove-moderator': removeChatModerator,
  notices: chooseNotices,
  webhook: saveWebhook,
  'webhook-off': removeWebhook,
  'webhook-secret': renewWebhookSecret,
  'webhook-test': testWebhook,
  [SHOWN_SECRET_FORM]: showSecretAgain,
  delete: deleteAccount,
}

/** Returns the page of a user's settings. */
export function settingsRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/settings',
      openSignedIn(context, (visit) =>
        visit.c.req.query('part') === LISTS_PART
          ? showSettingLists(visit)
          : showSettings(visit, { form: '', values: {}, problems: {} }),
      ),
    )
    .post('/settings', (c) => submit(context, c))
}

async function submit(context: PagesContext, c: HonoContext): Promise<Response> {
  const values = await readForm(context, c)
  return openSignedIn(context, async (visit) => {
    const form = values['form'] ?? ''
    const run = Object.hasOwn(FORMS, form) ? FORMS[form] : undefined
    if (run === undefined) return c.redirect('settings', 303)
    const tried = await tryForm(
      () => run(visit, values),
      (rule) => explainRefusal(rule, visit.language),
    )
    const outcome = 'result' in tried ? tried.result : tried
    if ('leadTo' in outcome) return c.redirect(outcome.leadTo, 303)
    if ('secret' in outcome) return showSettings(visit, { form, values, problems: {}, secret: outcome.secret })
    const status = 'rule' in tried ? tried.rule.status : 400
    return showSettings(visit, { form, values, problems: outcome.problems, status })
  })(c)
}

async function saveProfile(visit: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const { username, email } = visit.signedIn.user
  const body = {
    ...changed('username', form, username),
    ...changed('email', form, email),
    ...(form['about'] === undefined ? {} : { about: form['about'] }),
    ...(form['current_password'] ? { current_password: form['current_password'] } : {}),
  }
  return update(visit, body, 'profile')
}

function changed(field: 'username' | 'email', form: FormTexts, current: string): Partial<UpdateUserBody> {
  const value = form[field]
  return value === undefined || value === current ? {} : { [field]: value }
}

async function sendVerification({ c, context, signedIn }: UserVisit): Promise<FormOutcome> {
  await requestVerification(context, signedIn, originOf(context, c))
  return { leadTo: 'settings?saved=verify#profile' }
}

async function changePassword(visit: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const { password = '', current_password: current = '' } = form
  return update(visit, { password, ...(current === '' ? {} : { current_password: current }) }, 'password')
}

async function update({ c, context, language, signedIn }: UserVisit, body: object, form: string): Promise<FormOutcome> {
  const wrong = wrongFields(UpdateUserBody, body)
  if (wrong.size > 0) return { problems: explainFields(wrong, language) }
  await updateUser(context, signedIn, v.parse(UpdateUserBody, body), originOf(context, c))
  return { leadTo: `settings?saved=${form}#${form}` }
}

async function endSession({ c, context, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const id = form['session_id'] ?? ''
  if (UUID.test(id)) await deleteSession(context.db, signedIn.user.userId, id)
  if (id !== signedIn.sessionId) return { leadTo: 'settings?saved=session#sessions' }
  clearSessionCookie(context, c)
  return { leadTo: 'sign-in?ended' }
}

async function endAllSessions({ c, context, signedIn }: UserVisit): Promise<FormOutcome> {
  await deleteUserSessions(context.db, signedIn.user.userId)
  clearSessionCookie(context, c)
  return { leadTo: 'sign-in?ended' }
}

async function addChatModerator({ context, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  await addModerator(context, signedIn, (form['moderator'] ?? '').trim())
  return { leadTo: 'settings#moderators' }
}

async function removeChatModerator({ context, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  await removeModerator(context, signedIn, form['user_id'] ?? '')
  return { leadTo: 'settings#moderators' }
}

async function unblock({ context, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  await unblockUser(context, signedIn, form['user_id'] ?? '')
  return { leadTo: 'settings#blocked' }
}

async function chooseNotices({ context, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const isOn = (name: string) => form[name] === 'on'
  const sentBy = (channel: NoticeChannel) => ({
    scheduled: isOn(`${channel}-scheduled`),
    soon: isOn(`${channel}-soon`),
    live: isOn(`${channel}-live`),
    missed: isOn(`${channel}-missed`),
    alert: isOn(`${channel}-alert`),
  })
  await updateNoticePreferences(context, signedIn, {
    scheduled: isOn('scheduled'),
    soon: isOn('soon'),
    live: isOn('live'),
    // A channel that is off has no fields.
    ...Object.fromEntries(noticeChannels(context).map((channel) => [channel, sentBy(channel)])),
  })
  return { leadTo: 'settings?saved=notices#notices' }
}

async function saveWebhook({ context, signedIn, language }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const schema = faultWebhookBody(context.settings)
  const body = { fault_webhook_url: (form['fault_webhook_url'] ?? '').trim() }
  if (wrongFields(schema, body).size > 0) {
    return { problems: { fault_webhook_url: FAULT_WEBHOOK_MESSAGES[language].urlWrong } }
  }
  return showSecretOf(await setFaultWebhook(context, signedIn, v.parse(schema, body)))
}

async function removeWebhook({ context, signedIn }: UserVisit): Promise<FormOutcome> {
  await setFaultWebhook(context, signedIn, { fault_webhook_url: null })
  return { leadTo: 'settings?saved=webhook-off#webhook' }
}

async function renewWebhookSecret({ context, signedIn }: UserVisit): Promise<FormOutcome> {
  return showSecretOf(await renewFaultSecret(context, signedIn))
}

/** Shows a secret again that the form has brought, in another language. */
async function showSecretAgain({ context, signedIn }: UserVisit, { secret = '' }: FormTexts): Promise<FormOutcome> {
  return (await isFaultSecret(context, signedIn, secret)) ? { secret } : { leadTo: 'settings#webhook' }
}

function showSecretOf({ signing_secret: secret }: FaultWebhookSecret): FormOutcome {
  return secret === undefined ? { leadTo: 'settings?saved=webhook#webhook' } : { secret }
}

async function testWebhook({ context, signedIn }: UserVisit): Promise<FormOutcome> {
  await sendTestWebhook(context, signedIn)
  return { leadTo: 'settings?saved=webhook-test#webhook' }
}

async function deleteAccount({ c, context, language, signedIn }: UserVisit, form: FormTexts): Promise<FormOutcome> {
  const body = { password: form['password'] ?? '' }
  if (wrongFields(DeleteUserBody, body).size > 0) {
    return { problems: { delete_password: SETTINGS_MESSAGES[language].passwordIsWrong } }
  }
  await deleteUser(context, signedIn, v.parse(DeleteUserBody, body), originOf(context, c))
  clearSessionCookie(context, c)
  return { leadTo: '.' }
}

function explainFields(wrong: ReadonlySet<string>, language: Language): FieldProblems<SettingsField> {
  const account = ACCOUNT_MESSAGES[language]
  return {
    ...(wrong.has('username') ? { username: account.usernameWrong } : {}),
    ...(wrong.has('about') ? { about: SETTINGS_MESSAGES[language].aboutWrong } : {}),
    ...(wrong.has('email') ? { email: account.emailWrong } : {}),
    ...(wrong.has('password') ? { password: account.passwordWrong } : {}),
    ...(wrong.has('current_password') ? { current_password: SETTINGS_MESSAGES[language].passwordNeeded } : {}),
  }
}

function explainRefusal(rule: BrokenRule, language: Language): FieldProblems<SettingsField> | null {
  const account = ACCOUNT_MESSAGES[language]
  const text = SETTINGS_MESSAGES[language]
  switch (rule.code) {
    case 'USERNAME_TAKEN':
      return { username: account.usernameTaken }
    case 'EMAIL_TAKEN':
      return { email: account.emailTaken }
    case 'PASSWORD_WRONG':
      return { current_password: text.passwordIsWrong, delete_password: text.passwordIsWrong }
    case 'LOGIN_LIMITED':
      return { form: account.loginLimited(rule.retryAfterSec ?? 0) }
    case 'MAIL_LIMITED':
      return { form: MAIL_PAGE_MESSAGES[language].limited(rule.retryAfterSec ?? 0) }
    case 'USER_NOT_FOUND':
      return { moderator: text.moderatorUnknown }
    case 'FORBIDDEN':
      return { moderator: text.moderatorsFull }
    case 'LAST_ADMIN':
      return { form: text.lastAdmin }
    default:
      return explainWebhookRefusal(rule, language)
  }
}

function explainWebhookRefusal(rule: BrokenRule, language: Language): FieldProblems<SettingsField> | null {
  const text = FAULT_WEBHOOK_MESSAGES[language]
  if (rule.code === 'WEBHOOK_NOT_FOUND') return { form: text.notSet }
  return rule.code === 'WEBHOOK_LIMITED' ? { form: text.testLimited(rule.retryAfterSec ?? 0) } : null
}
