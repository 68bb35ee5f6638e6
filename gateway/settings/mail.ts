import * as v from 'valibot'

import { orNull, setting, text, type Env } from './fields.ts'
import type { SettingsSection } from './section.ts'

/** The server that takes mails. `smtps` begins with TLS; `smtp` changes to it (STARTTLS, RFC 3207). */
export type SmtpServer = {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  readonly credentials: { readonly user: string; readonly password: string } | null
}

export type MailSettings = {
  readonly from: { readonly name: string; readonly address: string }
  /** `null`: this gateway enqueues mails only; another one with the same database sends them. */
  readonly server: SmtpServer | null
}

/** Ports of submission (RFC 8314 §7.3 and RFC 6409). */
const SMTPS_PORT = 465
const SUBMISSION_PORT = 587

const SMTP_FORM = 'must be a URL such as smtps://user:password@mail.example.com, special characters escaped'

const SmtpUrl = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }): SmtpServer => {
    const server = parseSmtpUrl(dataset.value)
    if (server !== null) return server
    addIssue({ message: SMTP_FORM })
    return NEVER
  }),
)

function parseSmtpUrl(value: string): SmtpServer | null {
  const url = /^smtps?:\/\/[^/?#]+\/?$/.test(value) && URL.canParse(value) ? new URL(value) : null
  const credentials = url === null ? null : readCredentials(url)
  if (url === null || credentials === null || url.hostname === '') return null
  const isSecure = url.protocol === 'smtps:'
  const usualPort = isSecure ? SMTPS_PORT : SUBMISSION_PORT
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? usualPort : Number(url.port),
    isSecure,
    credentials: credentials.user === '' ? null : credentials,
  }
}

/** Returns user and password, which are empty together; `null` where they are not, or not escaped as they must be. */
function readCredentials(url: URL): SmtpServer['credentials'] {
  const [user, password] = [unescape(url.username), unescape(url.password)]
  if (user === null || password === null || (user === '') !== (password === '')) return null
  return { user, password }
}

function unescape(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** `Tallylight <no-reply@example.com>`, or the address alone. Nothing in it can end a header. */
const MailFrom = v.pipe(
  text,
  v.regex(
    /^(?:[^<>"\p{Cc}]*<[\w.+=-]+@[A-Za-z0-9.-]+>|[\w.+=-]+@[A-Za-z0-9.-]+)$/u,
    'must be an address such as no-reply@example.com, or Tallylight <no-reply@example.com>',
  ),
  v.transform((value) => {
    const [, name = '', address = value] = /^(.*?)\s*<(.+)>$/.exec(value) ?? []
    return { name, address }
  }),
)

const MailEnvironment = v.object({
  MAIL_FROM: setting(
    orNull(MailFrom),
    'Turns e-mail on: the address that mails come from, also as `Tallylight <no-reply@example.com>`.',
  ),
  SMTP_URL: setting(
    orNull(SmtpUrl),
    'Server that this gateway sends mails by: `smtps://user:password@host:465`, or `smtp://…:587` for STARTTLS, without which no password is sent. Without the setting, another gateway of the same database must send them.',
  ),
})

/** The settings of e-mail, as checked before the gateway starts. */
export const MAIL_SECTION: SettingsSection = {
  title: 'E-mail',
  entries: MailEnvironment.entries,
  problems: findMailProblems,
}

function findMailProblems({ NODE_ENV, MAIL_FROM, SMTP_URL, PUBLIC_URL }: Env): string[] {
  if (MAIL_FROM === undefined) {
    return SMTP_URL === undefined ? [] : ['MAIL_FROM must be set with SMTP_URL: the address that mails come from']
  }
  return NODE_ENV === 'production' && PUBLIC_URL === undefined
    ? ['PUBLIC_URL must be set with MAIL_FROM: links in mails begin with it']
    : []
}

/** Returns the settings of e-mail, from an environment that `MAIL_SECTION` has no problems with; `null`: it is off. */
export function readMailSettings(raw: Env): MailSettings | null {
  const { MAIL_FROM: from, SMTP_URL: server } = v.parse(MailEnvironment, raw)
  return from === null ? null : { from, server }
}
