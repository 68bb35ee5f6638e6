import { createTransport } from 'nodemailer'

import type { MailAnswer, MailSender } from '../../ports/mail-sender.ts'
import type { MailSettings, SmtpServer } from '../../settings/mail.ts'
import { startDeadline } from '../call-deadline.ts'

/** Timeout of one attempt, in ms. */
const ATTEMPT_TIMEOUT_MS = 30_000
/** Timeout of a connection, of the greeting, and of silence afterwards, in ms. */
const STEP_TIMEOUT_MS = 15_000

/** An address without what separates, groups or quotes addresses (RFC 5322 §3.4): the library would send to each of them. */
const ONE_ADDRESS = /^[^\s\p{Cc},;:<>()[\]"\\@]+@[^\s\p{Cc},;:<>()[\]"\\@]+$/u

/**
 * Returns a sender of mails by SMTP (RFC 5321), with one connection for each mail. With a password the connection must be
 * encrypted, by a certificate that this machine trusts.
 */
export function createSmtpSender(from: MailSettings['from'], server: SmtpServer): MailSender {
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.isSecure,
    requireTLS: !server.isSecure && server.credentials !== null,
    ...(server.credentials === null
      ? {}
      : { auth: { user: server.credentials.user, pass: server.credentials.password } }),
    connectionTimeout: STEP_TIMEOUT_MS,
    greetingTimeout: STEP_TIMEOUT_MS,
    socketTimeout: STEP_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = from.address.slice(from.address.indexOf('@') + 1)
  return async ({ id, to, subject, text, unsubscribe }) => {
    if (!ONE_ADDRESS.test(to)) return { kind: 'refused', error: 'the receiver is not one address' }
    if (![id, subject, unsubscribe ?? ''].every(isOneLine))
      return { kind: 'refused', error: 'a header would have several lines' }
    const deadline = startDeadline(ATTEMPT_TIMEOUT_MS)
    try {
      await transport.sendMail({
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject,
        text,
        messageId: `<${id}@${domain}>`,
        headers: headersOf(unsubscribe),
        signal: deadline.signal,
      })
      return { kind: 'sent' }
    } catch (error) {
      return describeFailure(error)
    } finally {
      deadline.dispose()
    }
  }
}

/** Returns the headers of a mail: no out-of-office answer comes back (RFC 3834 §5), and one click unsubscribes (RFC 8058). */
function headersOf(unsubscribe: string | undefined): Record<string, string> {
  const headers = { 'Auto-Submitted': 'auto-generated' }
  if (unsubscribe === undefined) return headers
  return {
    ...headers,
    'List-Unsubscribe': `<${unsubscribe}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  }
}

function isOneLine(text: string): boolean {
  return !/\p{Cc}/u.test(text)
}

/** Returns what a failure means. The answers of servers quote the receiver, so only their codes are shown. */
function describeFailure(error: unknown): MailAnswer {
  if (!(error instanceof Error)) return { kind: 'failed', error: String(error) }
  const { responseCode, command } = error as Error & { readonly responseCode?: number; readonly command?: string }
  if (responseCode === undefined) return { kind: 'failed', error: error.message }
  const refused = responseCode >= 500 && command === 'RCPT TO'
  return { kind: refused ? 'refused' : 'failed', error: `the server answered ${responseCode} to ${command ?? 'it'}` }
}
