import type { Context } from '../context.ts'
import type { Mail, MailSender } from '../ports/mail-sender.ts'
import { MAIL_ATTEMPTS } from './metrics.ts'
import { mailRetryPauseMs } from './retry-pause.ts'
import {
  deleteMail,
  freeMailsOf,
  listMailOwners,
  nextMailInMs,
  postponeMail,
  takeDueMails,
  type QueuedMail,
} from './store/mails.ts'

/** Composes a mail for an attempt; `null` where it is not wanted any more. Each attempt must get the same text. */
export type ComposeMail = (mail: QueuedMail) => Promise<Omit<Mail, 'id'> | null>

/** Sends the mails that wait. */
export type MailDelivery = {
  /** Frees the mails of gateways that are known to be dead; to be called once, at start. */
  takeOver(): Promise<void>
  /** Starts an attempt for each due mail; returns in how many ms the next one is due (`null`: none waits). */
  sendDue(): Promise<number | null>
  /** Resolves once the current attempts have ended, and starts no others. */
  drain(): Promise<void>
}

/** Connections to the server at a time. */
const AT_A_TIME = 4
/** Lease of a mail, in seconds: longer than one attempt can take. */
const LEASE_SEC = 60

/**
 * Creates the delivery of one gateway. A mail is deleted after it was sent: where a gateway dies in between, another one
 * sends it again, with the same id and text.
 */
export function createMailDelivery(
  context: Context,
  send: MailSender,
  composers: ReadonlyMap<string, ComposeMail>,
): MailDelivery {
  const { db, identity, log } = context
  const attempts = new Set<Promise<void>>()
  const outage = { isLogged: false }
  let isDraining = false

  function start(mail: QueuedMail): void {
    const attempt = attemptMail({ context, send, composers, outage }, mail)
      .catch((error: unknown) => log.error('attempt to send a mail broke off', { mail_kind: mail.kind, error }))
      .finally(() => {
        attempts.delete(attempt)
        context.wake()
      })
    attempts.add(attempt)
  }

  return {
    async takeOver() {
      const owners = await listMailOwners(db)
      await freeMailsOf(
        db,
        owners.filter((owner) => !identity.mayStillRun(owner)),
      )
    },
    async sendDue() {
      // An attempt that ends wakes the next run.
      if (isDraining || attempts.size >= AT_A_TIME) return null
      const taken = await takeDueMails(db, identity.id, AT_A_TIME - attempts.size, LEASE_SEC)
      for (const mail of taken) start(mail)
      return nextMailInMs(db)
    },
    async drain() {
      isDraining = true
      await Promise.all(attempts)
    },
  }
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
  // A newer gateway may have enqueued a kind that this one does not know: it is left to others.
  if (compose === undefined) return
  const content = await compose(mail)
  if (content === null) return deleteMail(context.db, mail.mailId)
  const startedMs = performance.now()
  const answer = await send({ id: mail.mailId, ...content })
  context.metrics.count(MAIL_ATTEMPTS, { outcome: answer.kind })
  const fields = { mail_kind: mail.kind, attempt: mail.attempts, ms: Math.round(performance.now() - startedMs) }
  if (answer.kind === 'failed') {
    logFailure(parts, { ...fields, error: answer.error })
    return postponeMail(context.db, mail.mailId, mailRetryPauseMs(mail.attempts, Math.random()))
  }
  parts.outage.isLogged = false
  if (answer.kind === 'refused') context.log.warn('mail refused, given up', { ...fields, error: answer.error })
  else context.log.info('mail sent', fields)
  return deleteMail(context.db, mail.mailId)
}

/** Logs a failure: one line of level `warn` stands for an outage of the server. */
function logFailure({ context: { log }, outage }: MailAttemptParts, fields: Record<string, unknown>): void {
  if (outage.isLogged) log.info('mail not sent again', fields)
  else log.warn('mail could not be sent; it is tried again', fields)
  outage.isLogged = true
}
