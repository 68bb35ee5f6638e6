import type { AddressInfo } from 'node:net'

import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as a server received it, decoded. */
export type ReceivedMail = {
  readonly envelope: { readonly from: string; readonly to: readonly string[] }
  /** Lines of the header, unfolded. */
  readonly headers: readonly string[]
  readonly subject: string
  readonly text: string
}

/** A real SMTP server that keeps what it receives. */
export type MailServer = AsyncDisposable & {
  /** The value of `SMTP_URL`. */
  readonly url: string
  readonly mails: readonly ReceivedMail[]
  /** Mails whose text had arrived, whatever was answered. */
  attempts(): number
  /** How it answers from now on: it takes mails, fails for a while, knows no receiver, or never answers. */
  behave(behaviour: MailServerBehaviour): void
}
export type MailServerBehaviour = 'take' | 'fail' | 'know_none' | 'hang'

/** Starts a server on this port of 127.0.0.1 (0: any). */
export async function startMailServer(port = 0, options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = []
  let behaviour: MailServerBehaviour = 'take'
  let attempts = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    // The name of the client is not looked up.
    disableReverseLookup: true,
    closeTimeout: 100,
    ...options,
    onRcptTo: (_address, _session, callback) =>
      callback(behaviour === 'know_none' ? answer(550, 'no such mailbox') : null),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        attempts++
        if (behaviour === 'hang') return
        if (behaviour === 'fail') return callback(answer(451, 'try again later'))
        const { mailFrom, rcptTo } = session.envelope
        const envelope = { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address) }
        mails.push({ envelope, ...parseMail(Buffer.concat(chunks).toString('latin1')) })
        callback(null)
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: actual } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${actual}`,
    mails,
    attempts: () => attempts,
    behave(next) {
      behaviour = next
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function answer(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

/** Parses a mail of one plain text (RFC 5322, RFC 2045, RFC 2047). */
function parseMail(raw: string): Omit<ReceivedMail, 'envelope'> {
  const at = raw.indexOf('\r\n\r\n')
  const headers = raw
    .slice(0, at)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const valueOf = (name: string) =>
    headers
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim() ?? ''
  const body = decodeBody(raw.slice(at + 4), valueOf('content-transfer-encoding'))
  return { headers, subject: decodeWords(valueOf('subject')), text: body.replaceAll('\r\n', '\n') }
}

function decodeBody(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return Buffer.from(body, 'latin1').toString()
  return decodeQuoted(body.replaceAll('=\r\n', ''))
}

function decodeWords(text: string): string {
  return text
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, coded: string) =>
      kind.toLowerCase() === 'b' ? Buffer.from(coded, 'base64').toString() : decodeQuoted(coded.replaceAll('_', ' ')),
    )
}

function decodeQuoted(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
