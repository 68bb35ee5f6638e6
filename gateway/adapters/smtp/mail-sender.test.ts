import { afterEach, expect, test, vi } from 'vitest'

import { makeCertificate } from '../../../shared/testing/certificate.ts'
import { trustCertificate } from '../../../shared/testing/trust.ts'
import type { SmtpServer } from '../../settings/mail.ts'
import { startMailServer, type MailServer } from '../../testing/mail-server.ts'
import { createSmtpSender } from './mail-sender.ts'

const FROM = { name: 'Tallylight ライブ', address: 'no-reply@tallylight.example' }
const MAIL = { id: 'a1b2', to: 'mika@example.org', subject: 'Hello', text: 'A text.\n' }

afterEach(() => {
  vi.restoreAllMocks()
})

function senderTo({ url }: Pick<MailServer, 'url'>, more: Partial<SmtpServer> = {}) {
  const server = { host: '127.0.0.1', port: Number(new URL(url).port), isSecure: false, credentials: null, ...more }
  return createSmtpSender(FROM, server)
}

test('a mail is plain text, in any language, with an id that each attempt has, and for no out-of-office answer', async () => {
  await using server = await startMailServer()
  const text = `${'長い行'.repeat(400)}\n.\nhttps://tallylight.example/reset?token=${'0'.repeat(64)}\n`
  expect(await senderTo(server)({ ...MAIL, subject: 'パスワードの再設定とメールアドレスの確認', text })).toEqual({
    kind: 'sent',
  })
  expect(server.mails).toHaveLength(1)
  expect(server.mails[0]).toMatchObject({
    envelope: { from: FROM.address, to: [MAIL.to] },
    subject: 'パスワードの再設定とメールアドレスの確認',
    text,
  })
  const headers = server.mails[0]?.headers ?? []
  expect(headers).toContain('Message-ID: <a1b2@tallylight.example>')
  expect(headers).toContain('Auto-Submitted: auto-generated')
  expect(headers.find((line) => line.startsWith('Content-Type'))).toMatch(/text\/plain; charset=utf-8/i)
})

test.each([
  ['to', 'mika@example.org\r\nBcc: other@example.org'],
  ['to', 'mika@example.org\nRCPT TO:<other@example.org>'],
  ['subject', 'Hello\r\n\r\nAnother text'],
  ['subject', 'Hello\u2028Bcc: x'],
  ['id', 'a>\r\nX-Other: 1'],
])('%s cannot add a header or a receiver: %j', async (field, value) => {
  await using server = await startMailServer()
  await senderTo(server)({ ...MAIL, [field]: value })
  expect(server.mails.flatMap(({ envelope }) => envelope.to).filter((to) => to !== MAIL.to)).toEqual([])
  expect(server.mails.flatMap(({ headers }) => headers).filter((line) => /^(?:Bcc|X-Other)/i.test(line))).toEqual([])
})

test.each([
  'mika@example.org, other@example.org',
  'list: a@example.org;',
  '"a" <a@example.org>',
  'a@b@example.org',
  '',
])('a mail goes to one address, or not at all: %s', async (to) => {
  await using server = await startMailServer()
  expect(await senderTo(server)({ ...MAIL, to })).toMatchObject({ kind: 'refused' })
  expect(server.attempts()).toBe(0)
})

test('what the server answers decides whether another attempt is made, and names no receiver', async () => {
  await using server = await startMailServer()
  server.behave('know_none')
  expect(await senderTo(server)(MAIL)).toEqual({ kind: 'refused', error: 'the server answered 550 to RCPT TO' })
  server.behave('fail')
  const failed = await senderTo(server)(MAIL)
  expect(failed.kind).toBe('failed')
  expect(JSON.stringify(failed)).not.toContain('mika')
  await server[Symbol.asyncDispose]()
  expect(await senderTo(server)(MAIL)).toMatchObject({ kind: 'failed' })
})

const CREDENTIALS = { user: 'me', password: 'p:/ss' }

test('a password goes over an encrypted connection only, to a server whose certificate is trusted', async () => {
  const certificate = makeCertificate()
  const seen: string[] = []
  const onAuth: NonNullable<Parameters<typeof startMailServer>[1]>['onAuth'] = (
    { username, password },
    _session,
    callback,
  ) => {
    seen.push(`${username}:${password}`)
    callback(null, { user: username })
  }
  const withTls = { ...certificate, onAuth, disabledCommands: [] }
  await using server = await startMailServer(0, withTls)
  await using secure = await startMailServer(0, { ...withTls, secure: true })
  await using plain = await startMailServer(0, { onAuth, allowInsecureAuth: true })
  expect(await senderTo(plain, { credentials: CREDENTIALS })(MAIL)).toMatchObject({ kind: 'failed' })
  expect(await senderTo(server, { credentials: CREDENTIALS })(MAIL)).toMatchObject({ kind: 'failed' })
  expect(seen).toEqual([])
  trustCertificate(certificate)
  expect(await senderTo(server, { credentials: CREDENTIALS })(MAIL)).toEqual({ kind: 'sent' })
  expect(await senderTo(secure, { credentials: CREDENTIALS, isSecure: true })(MAIL)).toEqual({ kind: 'sent' })
  expect(seen).toEqual(['me:p:/ss', 'me:p:/ss'])
})
