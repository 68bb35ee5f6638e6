import type { Context } from '../context.ts'
import type { Mail, MailSender } from '../ports/mail-sender.ts'
import { createMessageDelivery, type MessageDelivery } from '../queue/deliver-messages.ts'
import { retryPauseMs } from '../queue/retry-pause.ts'
import { deleteMessage, postponeMessage } from '../queue/store/messages.ts'
import { MAIL_ATTEMPTS } from './metrics.ts'
import { MAIL_QUEUE, mailQueueOf, type QueuedMail } from './store/mails.ts'

/** Composes a mail for an attempt; `null` where it is not wanted any more. Each attempt must get the same text. */
export type ComposeMail = (mail: QueuedMail) => Promise<Omit<Mail, 'id'> | null>

/** Connections to the server at a time. */
const AT_A_TIME = 4
/** Longer than one attempt can take. */
const LEASE_SEC = 60

/** Creates the delivery of the mails of one gateway. A mail that is sent again has the same id and text. */
export function createMailDelivery(
  context: Context,
  send: MailSender,
  composers: ReadonlyMap<string, ComposeMail>,
): MessageDelivery {
  const parts: MailAttemptParts = { context, send, composers, outage: { isLogged: false } }
  return createMessageDelivery(context, {
    name: 'mails',
    queue: mailQueueOf([...composers.keys()]),
    atATime: AT_A_TIME,
    leaseSec: LEASE_SEC,
    attempt: (mail) => attemptMail(parts, mail),
  })
}

type MailAttemptParts = {
  readonly context: Context
  readonly send: MailSender
  readonly composers: ReadonlyMap<string, ComposeMail>
  /** Whether the server's outage was logged. */
  readonly outage: { isLogged: boolean }
}

async function attemptMail(parts: MailAttemptParts, mail: QueuedMail): Promise<void> {
  const { context, send, composers } = parts
  const compose = composers.get(mail.kind)
  if (compose === undefined) return
  const content = await compose(mail)
  if (content === null) return deleteMessage(context.db, MAIL_QUEUE, mail.mailId)
  const startedMs = performance.now()
  const answer = await send({ id: mail.mailId, ...content })
  context.metrics.count(MAIL_ATTEMPTS, { outcome: answer.kind })
  const fields = { mail_kind: mail.kind, attempt: mail.attempts, ms: Math.round(performance.now() - startedMs) }
  if (answer.kind === 'failed') {
    logFailure(parts, { ...fields, error: answer.error })
    return postponeMessage(context.db, MAIL_QUEUE, mail.mailId, retryPauseMs(mail.attempts, Math.random()))
  }
  parts.outage.isLogged = false
  if (answer.kind === 'refused') context.log.warn('mail refused, given up', { ...fields, error: answer.error })
  else context.log.info('mail sent', fields)
  return deleteMessage(context.db, MAIL_QUEUE, mail.mailId)
}

/** Logs a failure: one line of level `warn` stands for an outage of the server. */
function logFailure({ context: { log }, outage }: MailAttemptParts, fields: Record<string, unknown>): void {
  if (outage.isLogged) log.info('mail not sent again', fields)
  else log.warn('mail could not be sent; it is tried again', fields)
  outage.isLogged = true
}
