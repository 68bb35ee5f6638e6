import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../../shared/testing/until.ts'
import { findFreePort } from '../../../adapters/http/free-port.ts'
import { startMailServer, type MailServer, type ReceivedMail } from '../../../testing/mail-server.ts'
import { startGatewayOn } from '../../../testing/runtimes.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'

const PASSWORD = 'correct horse battery'
const NEW_PASSWORD = 'another horse battery'
const SITE = 'https://live.example/tv'
const ENV = { MAIL_FROM: 'Live <no-reply@live.example>', PUBLIC_URL: SITE }

function callsTo(gateway: Pick<TestGateway, 'api'>) {
  const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    gateway.api(method, `/api/v1${path}`, body, headers)
  const logIn = (login: string, password = PASSWORD) => api('POST', '/auth/login', { login, password })
  return {
    api,
    logIn,
    register: (username: string, headers: Record<string, string> = {}, email = `${username}@example.org`) =>
      api('POST', '/auth/register', { username, email, password: PASSWORD }, headers),
    sessionOf: async (login: string) => ({ authorization: `Bearer ${(await logIn(login)).json.token as string}` }),
    forgot: (email: string, headers: Record<string, string> = {}) => api('POST', '/auth/forgot', { email }, headers),
    reset: (token: string, password = NEW_PASSWORD) => api('POST', '/auth/reset', { token, password }),
    verify: (token: string) => api('POST', '/auth/verify-email', { token }),
  }
}

function tokenIn(mail: ReceivedMail | undefined): string {
  return /\?token=([0-9a-f]{64})$/m.exec(mail?.text ?? '')?.[1] ?? ''
}

let server: MailServer
let gateway: TestGateway
let calls: ReturnType<typeof callsTo>
beforeAll(async () => {
  server = await startMailServer()
  gateway = await startTestGateway({ env: { ...ENV, SMTP_URL: server.url, TRUSTED_PROXIES: '127.0.0.1' } })
  calls = callsTo(gateway)
  await calls.register('root-of-all')
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const mailsTo = (address: string) => server.mails.filter(({ envelope }) => envelope.to.includes(address))

/** Returns the mail number `count` to an address, once it is there. */
async function mailTo(address: string, count = 1): Promise<ReceivedMail> {
  await until(() => mailsTo(address).length >= count, `mail ${count} to ${address}`)
  const mail = mailsTo(address)[count - 1]
  if (mail === undefined) throw new Error('there is no such mail')
  return mail
}

/** Resolves once no mail waits: those that are not sent are dropped. */
async function allSent(): Promise<void> {
  await until(async () => (await gateway.database.sql`select from mails`).length === 0, 'no mail waits')
}

/** Registers a user and verifies the address. */
async function signUpVerified(username: string): Promise<string> {
  await calls.register(username)
  const email = `${username}@example.org`
  expect((await calls.verify(tokenIn(await mailTo(email)))).status).toBe(204)
  return email
}

describe('the verification of an address', () => {
  it('is by a link that works once, in the language of the page', async () => {
    const { json } = await calls.register('anna', { 'accept-language': 'ja,en;q=0.5' })
    expect(json.email_verified).toBe(false)
    const mail = await mailTo('anna@example.org')
    expect(mail.subject).toBe('メールアドレスの確認')
    expect(mail.text).toContain('anna 様')
    expect(mail.text).toContain(`${SITE}/verify-email?token=`)
    expect((await calls.verify(tokenIn(mail))).status).toBe(204)
    const me = await calls.api('GET', '/users/me', undefined, await calls.sessionOf('anna'))
    expect(me.json.email_verified).toBe(true)
    const again = await calls.verify(tokenIn(mail))
    expect([again.status, again.json.error.code]).toEqual([403, 'LINK_INVALID'])
    expect((await calls.reset(tokenIn(mail))).json.error.code).toBe('LINK_INVALID')
  })

  it('ends with another address: the old link is dead, the new address gets one, and resets wait for it', async () => {
    await calls.register('berta')
    const old = tokenIn(await mailTo('berta@example.org'))
    const headers = await calls.sessionOf('berta')
    const change = { email: 'new-berta@example.org', current_password: PASSWORD }
    expect((await calls.api('PUT', '/users/me', change, headers)).json.email_verified).toBe(false)
    const mail = await mailTo('new-berta@example.org')
    expect((await calls.verify(old)).status).toBe(403)
    await calls.forgot('new-berta@example.org')
    await allSent()
    expect(mailsTo('new-berta@example.org')).toHaveLength(1)
    expect((await calls.verify(tokenIn(mail))).status).toBe(204)
  })

  it('is requested again by its user, up to a limit; other changes of the account send nothing', async () => {
    await calls.register('clara')
    const headers = await calls.sessionOf('clara')
    await mailTo('clara@example.org')
    await calls.api('PUT', '/users/me', { username: 'clara2' }, headers)
    const request = () => calls.api('POST', '/auth/verify-email', {}, headers)
    expect((await calls.api('POST', '/auth/verify-email', {})).status).toBe(401)
    for (let i = 0; i < 2; i++) expect((await request()).status).toBe(202)
    const refused = await request()
    expect([refused.status, refused.json.error.code]).toEqual([429, 'MAIL_LIMITED'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000)
    await mailTo('clara@example.org', 3)
    await allSent()
    expect(mailsTo('clara@example.org')).toHaveLength(3)
  })
})

describe('a forgotten password', () => {
  it('is set anew by a link that works once, and all sessions and other links end', async () => {
    const email = await signUpVerified('dora')
    const headers = await calls.sessionOf('dora')
    await calls.forgot('DORA@example.org')
    await calls.forgot(email)
    const [first, second] = [tokenIn(await mailTo(email, 2)), tokenIn(await mailTo(email, 3))]
    expect(first).not.toBe(second)
    expect((await calls.reset(first, 'short')).json.error.details).toMatchObject([{ field: 'password' }])
    const both = await Promise.all([calls.reset(first), calls.reset(first, `${NEW_PASSWORD} 2`)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 403])
    expect((await calls.reset(second)).status).toBe(403)
    expect((await calls.api('GET', '/users/me', undefined, headers)).status).toBe(401)
    expect((await calls.logIn('dora')).status).toBe(401)
    const works = both[0]?.status === 204 ? NEW_PASSWORD : `${NEW_PASSWORD} 2`
    expect((await calls.logIn('dora', works)).status).toBe(200)
  })

  it('has one answer for every address, and a mail for a verified one only', async () => {
    await calls.register('emma')
    await mailTo('emma@example.org')
    const known = await signUpVerified('frida')
    const answers = [
      await calls.forgot(known),
      await calls.forgot('unknown@example.org'),
      await calls.forgot('emma@example.org'),
    ]
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [202, ''],
      [202, ''],
      [202, ''],
    ])
    await mailTo(known, 2)
    await allSent()
    expect([mailsTo('unknown@example.org').length, mailsTo('emma@example.org').length]).toEqual([0, 1])
  })

  it('expires after an hour', async () => {
    const email = await signUpVerified('gerda')
    await calls.forgot(email)
    const token = tokenIn(await mailTo(email, 2))
    const { sql } = gateway.database
    const [link] = await sql`
      select round(extract(epoch from expires_at - now()) / 60) as minutes from account_links
      where user_id = (select user_id from users where username = 'gerda') and purpose = 'reset_password'`
    expect(Number(link?.['minutes'])).toBe(60)
    await sql`update account_links set expires_at = now() - interval '1 s' where purpose = 'reset_password'`
    expect((await calls.reset(token)).json.error.code).toBe('LINK_INVALID')
  })

  it('stays as it is with a link from before a new password, or a made-up one', async () => {
    const email = await signUpVerified('hanna')
    await calls.forgot(email)
    const token = tokenIn(await mailTo(email, 2))
    const change = { password: NEW_PASSWORD, current_password: PASSWORD }
    await calls.api('PUT', '/users/me', change, await calls.sessionOf('hanna'))
    expect((await calls.reset(token)).status).toBe(403)
    expect((await calls.reset('0'.repeat(64))).status).toBe(403)
    expect((await calls.reset('x')).json.error.details).toMatchObject([{ field: 'token' }])
  })

  it('leaves only hashes of its tokens in the database', async () => {
    const email = await signUpVerified('ida')
    await calls.forgot(email)
    const token = tokenIn(await mailTo(email, 2))
    const rows = await gateway.database.sql`
      select to_jsonb(l) as row from account_links l union all select to_jsonb(m) from mails m`
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  it('limits the mails to one address, and the mails that one client requests', async () => {
    const email = await signUpVerified('jana')
    const from = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` })
    for (let n = 1; n <= 12; n++) expect((await calls.forgot(email, from(n))).status).toBe(202)
    await allSent()
    expect(mailsTo(email)).toHaveLength(3)
    for (let n = 0; n < 30; n++) await calls.forgot(`unknown-${n}@example.org`, from(100))
    const refused = await calls.forgot('unknown@example.org', from(100))
    expect([refused.status, refused.json.error.code]).toEqual([429, 'MAIL_LIMITED'])
    expect((await calls.forgot('unknown@example.org', from(101))).status).toBe(202)
  })
})

describe('a mail', () => {
  it('comes once the server is there again, once', async () => {
    const port = await findFreePort(null)
    await using own = await startTestGateway({ env: { ...ENV, SMTP_URL: `smtp://127.0.0.1:${port}` } })
    await callsTo(own).register('late')
    await until(
      async () => (await own.database.sql`select from mails where attempts = 1 and taken_by is null`).length === 1,
      'an attempt has failed',
    )
    await using up = await startMailServer(port)
    await until(() => up.mails.length > 0, 'the mail is there')
    await until(async () => (await own.database.sql`select from mails`).length === 0, 'no mail waits')
    expect(up.mails).toHaveLength(1)
  })

  it('that its receiver does not take is given up', async () => {
    await using own = await startMailServer()
    own.behave('know_none')
    await using other = await startTestGateway({ env: { ...ENV, SMTP_URL: own.url } })
    await callsTo(other).register('mistyped')
    await until(async () => (await other.database.sql`select from mails`).length === 0, 'no mail waits')
    expect(own.mails).toEqual([])
  })

  it('that a gateway in workerd enqueues is sent by one on Node', async () => {
    await using edge = await startGatewayOn('workerd', ENV)
    await callsTo(edge).register('edgar')
    expect(await edge.database.sql`select kind, attempts from mails`).toMatchObject([
      { kind: 'verify_email', attempts: 0 },
    ])
    await using node = await startTestGateway({ env: { ...ENV, SMTP_URL: server.url }, database: edge.database })
    const token = tokenIn(await mailTo('edgar@example.org'))
    expect((await callsTo(edge).verify(token)).status).toBe(204)
    expect(node.errors).toEqual([])
  })
})

it('without e-mail, accounts work, and its calls are refused', async () => {
  await using off = await startTestGateway()
  const { register, forgot, reset, verify } = callsTo(off)
  expect((await register('nomail')).status).toBe(201)
  for (const answer of [
    await forgot('nomail@example.org'),
    await reset('0'.repeat(64)),
    await verify('0'.repeat(64)),
  ]) {
    expect([answer.status, answer.json.error.code]).toEqual([503, 'MAIL_DISABLED'])
  }
  expect(await off.database.sql`select from mails`).toHaveLength(0)
})
