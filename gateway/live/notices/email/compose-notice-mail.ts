import type { ComposeMail } from '../../../mail/send-mails.ts'
import { clientUrlOf } from '../../../settings/read-settings.ts'
import type { Language } from '../../../web/messages.ts'
import type { LiveContext } from '../../context.ts'
import { ALERT_KINDS } from '../../rules/fault-kind.ts'
import { pageOfNotice } from '../../rules/notice-kind.ts'
import { findNoticeToSend, type NoticeToSend } from '../../store/notice-deliveries.ts'
import { FAULT_TEXTS } from '../fault-texts.ts'
import { NOTICE_TITLES } from '../notice-titles.ts'
import { NOTICE_MAIL_MESSAGES } from './messages.ts'
import { makeUnsubscribeQuery } from './unsubscribe.ts'

/** The kind of mails about notices. The id of such a mail is that of its notice. */
export const NOTICE_MAIL = 'notice'

/** Returns the composer of mails about notices. */
export function noticeMails(context: LiveContext): ReadonlyMap<string, ComposeMail> {
  return new Map([[NOTICE_MAIL, ({ mailId }) => composeNotice(context, mailId)]])
}

/** Composes the mail about a notice; `null` where it is not wanted, or not true any more. */
async function composeNotice(context: LiveContext, notificationId: string): ReturnType<ComposeMail> {
  const notice = await findNoticeToSend(context.db, notificationId, 'email')
  if (notice === null) return null
  const { kind, language, streamId, userId, channelId } = notice
  const site = clientUrlOf(context.settings)
  const unsubscribe = `${site}/unsubscribe?${makeUnsubscribeQuery(context.settings, userId, channelId)}`
  const facts = {
    username: notice.username,
    notice: NOTICE_TITLES[language][kind](notice.channelName),
    title: notice.title,
    details: describeDetails(notice),
    link: `${site}/${pageOfNotice(kind, streamId)}`,
    unsubscribe,
    site,
  }
  const { subject, text } = NOTICE_MAIL_MESSAGES[language]
  return { to: notice.email, subject: subject(facts), text: text(facts), unsubscribe }
}

/** Returns when a planned broadcast begins, or which faults the own broadcast has, in lines; empty for one on the air. */
function describeDetails({ kind, language, scheduledFor, alerts }: NoticeToSend): string {
  if (kind === 'alert') return describeFaults(alerts, language)
  return kind === 'live' || scheduledFor === null ? '' : `${describeStart(scheduledFor, language)}\n`
}

/** Returns a start in words. The zone of the reader is not known. */
function describeStart(start: Date, language: Language): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(start)} UTC`
}

/** Returns one line for each fault that is not over. */
function describeFaults(alerts: NoticeToSend['alerts'], language: Language): string {
  const format = new Intl.DateTimeFormat(language, { timeStyle: 'medium', timeZone: 'UTC' })
  const texts = FAULT_TEXTS[language]
  return ALERT_KINDS.map((kind) => {
    const since = alerts[kind]
    return since === undefined ? '' : `${texts[kind](`${format.format(new Date(since))} UTC`)}\n`
  }).join('')
}
