import { sign } from 'hono/jwt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { deriveSessionKey } from '../../../shared/net/signing.ts'
import { repeatWhileUnavailable } from '../../testing/overload.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import { TEST_KEYS } from '../../testing/test-gateway.ts'

const PASSWORD = 'correct horse battery'

describe.each(RUNTIMES)('accounts on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
    // The first account is the admin; the others are of tests.
    await register('root-of-all')
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    gateway.api(method, `/api/v1${path}`, body, headers)
  const register = (username: string, more: object = {}) => {
    const account = { username, email: `${username}@example.org`, password: PASSWORD, ...more }
    return repeatWhileUnavailable(() => api('POST', '/auth/register', account))
  }
  const logIn = (login: string, password = PASSWORD, headers: Record<string, string> = {}) =>
    repeatWhileUnavailable(() => api('POST', '/auth/login', { login, password }, headers))
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  /** Registers and logs in; returns the headers of the session. */
  async function signUp(username: string) {
    const { json: user } = await register(username)
    const { json, headers } = await logIn(username)
    const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
    return { user, token: json.token as string, headers: bearer(json.token), cookie }
  }

  describe('registration', () => {
    it('makes the first account an admin and the others users, and shows no password', async () => {
      const { json: first } = await logIn('root-of-all')
      const made = await register('alice')
      expect([made.status, first.user.role, made.json.role]).toEqual([201, 'admin', 'user'])
      expect(made.json).toEqual({
        user_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        username: 'alice',
        about: null,
        email: 'alice@example.org',
        email_verified: false,
        role: 'user',
        created_at: expect.any(String),
        updated_at: expect.any(String),
      })
    })

    it.each([
      ['username', 'ab'],
      ['username', 'with blank'],
      ['username', 'x'.repeat(51)],
      ['username', 'Admin'],
      ['username', 7],
      ['email', 'no-address'],
      ['email', `${'x'.repeat(250)}@example.org`],
      ['password', 'too short'],
      ['password', 'x'.repeat(201)],
      ['role', 'admin'],
    ])('names a wrong %s: %s', async (field, value) => {
      const refused = await register('careful', { [field]: value })
      expect(refused.status).toBe(400)
      expect(refused.json.error).toMatchObject({ code: 'INVALID_CONFIG', details: [{ field }] })
    })

    it('refuses a taken username or address in any case, also of a dozen at one moment', async () => {
      await register('Taken')
      expect((await register('tAKEN', { email: 'other@example.org' })).json.error.code).toBe('USERNAME_TAKEN')
      expect((await register('other', { email: 'TAKEN@Example.org' })).json.error.code).toBe('EMAIL_TAKEN')
      const names = Array.from({ length: 12 }, (_one, i) => (i % 2 === 0 ? 'twelve' : 'Twelve'))
      const all = await Promise.all(names.map((name) => register(name)))
      expect(all.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array(11).fill(409)])
    })
  })

  describe('a login', () => {
    it('by name or address, in any case, begins a session of 24 hours with a cookie that scripts cannot read', async () => {
      await register('bob')
      const { status, json, headers } = await logIn('BOB')
      expect(status).toBe(200)
      expect(json.user).toMatchObject({ username: 'bob', email: 'bob@example.org' })
      expect(Math.abs(Date.parse(json.expires_at) - Date.now() - 86_400_000)).toBeLessThan(120_000)
      const cookie = headers.get('set-cookie') ?? ''
      expect(cookie).toContain(`tallylight_session=${json.token};`)
      expect(cookie).toContain('HttpOnly')
      expect(cookie).toContain('SameSite=Lax')
      // A test gateway on Node is not in production; one on the edge always is.
      expect(cookie.includes('Secure')).toBe(runtime === 'workerd')
      expect((await logIn('Bob@Example.ORG')).status).toBe(200)
    })

    it('with a wrong password or an unknown name gets one and the same answer', async () => {
      await register('carol')
      const answers = [await logIn('carol', 'wrong password'), await logIn('unregistered', 'wrong password')]
      expect(answers.map(({ status }) => status)).toEqual([401, 401])
      expect(answers[0]?.text).toBe(answers[1]?.text)
      expect(answers[0]?.headers.get('set-cookie')).toBe(null)
    })

    it('is refused for a while after ten failures, with the right password too; other accounts are not', async () => {
      await register('dave')
      for (let i = 0; i < 10; i++) expect((await logIn('dave', 'wrong password')).status).toBe(401)
      const refused = await logIn('Dave')
      expect([refused.status, refused.json.error.code]).toEqual([429, 'LOGIN_LIMITED'])
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(600)
      expect((await logIn('root-of-all')).status).toBe(200)
    })

    it('of many at one moment passes the limit no more often than one after another', async () => {
      await register('trent')
      const attempts = await Promise.all(Array.from({ length: 14 }, () => logIn('trent', 'wrong password')))
      // A busy machine answers some with 503: they count too.
      expect(attempts.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10)
      expect((await logIn('trent')).status).toBe(429)
    })

    it('with text that the database does not take is refused by the field', async () => {
      const refused = await logIn('a\u0000b')
      expect([refused.status, refused.json.error.details]).toMatchObject([400, [{ field: 'login' }]])
    })

    it('that another site sends is refused', async () => {
      await register('erin')
      expect((await logIn('erin', PASSWORD, { origin: 'https://evil.example' })).status).toBe(403)
      expect((await logIn('erin', PASSWORD, { origin: gateway.url })).status).toBe(200)
    })
  })

  describe('a session', () => {
    it('is proven by its token or its cookie, and by no API key', async () => {
      const { headers, cookie, user } = await signUp('frank')
      for (const proof of [headers, { cookie }]) {
        const me = await api('GET', '/users/me', undefined, proof)
        expect([me.status, me.json.user_id, me.json.email]).toEqual([200, user.user_id, 'frank@example.org'])
      }
      expect((await api('GET', '/auth/sessions')).status).toBe(401)
      expect((await api('GET', '/users/me')).status).toBe(401)
    })

    it('is not proven by a forged, unsigned or expired token, or one of a session that does not exist', async () => {
      const { token, user } = await signUp('grace')
      const key = deriveSessionKey(TEST_KEYS.INTERNAL_API_KEY)
      const claims = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
      expect(claims).toMatchObject({ sub: user.user_id, exp: claims.iat + 86_400 })
      const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll('=', '')}.${token.split('.')[1]}.`
      const tokens = [
        `${token.slice(0, -3)}AAA`,
        unsigned,
        await sign(claims, 'another key', 'HS256'),
        await sign(claims, key, 'HS512'),
        await sign({ ...claims, exp: claims.iat - 1 }, key, 'HS256'),
        await sign({ ...claims, sid: user.user_id }, key, 'HS256'),
        await sign({ ...claims, sid: "' or true" }, key, 'HS256'),
        'nonsense',
      ]
      for (const one of tokens) expect((await api('GET', '/auth/sessions', undefined, bearer(one))).status).toBe(401)
      expect((await api('GET', '/auth/sessions', undefined, bearer(await sign(claims, key, 'HS256')))).status).toBe(200)
    })

    it('ends at its logout, and all end at logout-all: their next request is 401', async () => {
      const first = await signUp('heidi')
      const others = await Promise.all([logIn('heidi'), logIn('heidi')])
      const tokens = [first.token, ...others.map(({ json }) => json.token as string)]
      const statuses = () =>
        Promise.all(tokens.map(async (token) => (await api('GET', '/users/me', undefined, bearer(token))).status))
      expect(await statuses()).toEqual([200, 200, 200])
      for (let i = 0; i < 2; i++) {
        expect((await api('POST', '/auth/logout', undefined, first.headers)).status).toBe(204)
      }
      expect(await statuses()).toEqual([401, 200, 200])
      expect((await api('POST', '/auth/logout-all', undefined, bearer(tokens[1] ?? ''))).status).toBe(204)
      expect(await statuses()).toEqual([401, 401, 401])
    })

    it('is listed and ended by its user only', async () => {
      const [owner, other] = [await signUp('ivan'), await signUp('judy')]
      await logIn('ivan')
      const { json } = await api('GET', '/auth/sessions', undefined, owner.headers)
      expect(json.sessions.map(({ is_current: current }: { is_current: boolean }) => current)).toEqual([false, true])
      const id = json.sessions[0].session_id
      expect((await api('DELETE', `/auth/sessions/${id}`, undefined, other.headers)).status).toBe(404)
      expect((await api('DELETE', '/auth/sessions/nonsense', undefined, owner.headers)).status).toBe(404)
      expect((await api('DELETE', `/auth/sessions/${id}`, undefined, owner.headers)).status).toBe(204)
      expect((await api('GET', '/auth/sessions', undefined, owner.headers)).json.sessions).toHaveLength(1)
    })

    it('changes nothing for another site that makes a browser send its cookie', async () => {
      const { cookie } = await signUp('kate')
      const attempts = [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]
      for (const headers of attempts) {
        const refused = await api('POST', '/auth/logout-all', undefined, { cookie, ...headers })
        expect([refused.status, refused.json.error.code]).toEqual([403, 'FORBIDDEN'])
        // Browsers leave the cookie out of a form of another site, and take the one of its answer.
        const without = await api('POST', '/auth/logout', undefined, headers)
        expect([without.status, without.headers.get('set-cookie')]).toEqual([403, null])
      }
      const own = { cookie, origin: gateway.url, 'sec-fetch-site': 'same-origin' }
      expect((await api('POST', '/auth/logout', undefined, own)).status).toBe(204)
    })
  })

  describe('a user', () => {
    it('is shown to others without the address', async () => {
      const { user } = await signUp('lena')
      const shown = await api('GET', `/users/${user.user_id}`)
      expect(shown.json).toEqual({ user_id: user.user_id, username: 'lena', about: null, created_at: user.created_at })
      expect((await api('GET', '/users/01a20144-832d-757b-802b-19d0906ac8e0')).status).toBe(404)
      expect((await api('GET', '/users/nonsense')).status).toBe(404)
    })

    it('says what the channel is about, in at most 1000 characters without control characters', async () => {
      const { user, headers } = await signUp('with-a-channel')
      const path = `/users/${user.user_id}`
      const save = (about: unknown) => api('PUT', path, { about }, headers)
      expect((await save(' Two\r\nlines\t<b> ')).json.about).toBe('Two\nlines\t<b>')
      expect((await api('GET', path)).json.about).toBe('Two\nlines\t<b>')
      expect((await api('GET', '/users/me/export', undefined, headers)).json.user.about).toBe('Two\nlines\t<b>')
      for (const wrong of ['a\u0000b', 'a\u001bb', 'x'.repeat(1001), 7]) {
        const refused = await save(wrong)
        expect([refused.status, refused.json.error.details?.[0]?.field]).toEqual([400, 'about'])
      }
      expect((await save('x'.repeat(1000))).status).toBe(200)
      expect((await save('  ')).json.about).toBeNull()
      await save('Again')
      expect((await save(null)).json.about).toBeNull()
    })

    it('is changed by the user only, and the password with the current one only', async () => {
      const { user, headers } = await signUp('mike')
      const other = await logIn('mike')
      const path = `/users/${user.user_id}`
      const stranger = await signUp('nina')
      expect((await api('PUT', path, { username: 'mine' }, stranger.headers)).status).toBe(403)
      expect((await api('PATCH', path, { username: 'Mike2' }, headers)).json.username).toBe('Mike2')
      expect((await api('PUT', path, { username: 'NINA' }, headers)).json.error.code).toBe('USERNAME_TAKEN')
      expect((await api('PUT', path, { email: 'nina@example.org', current_password: PASSWORD }, headers)).status).toBe(
        409,
      )
      const next = { password: 'another password' }
      expect((await api('PUT', path, next, headers)).json.error.details).toMatchObject([{ field: 'current_password' }])
      const wrong = await api('PUT', path, { ...next, current_password: 'wrong' }, headers)
      expect([wrong.status, wrong.json.error.code]).toEqual([403, 'PASSWORD_WRONG'])
      expect((await api('PUT', path, { ...next, current_password: PASSWORD }, headers)).status).toBe(200)
      expect((await api('GET', '/users/me', undefined, headers)).status).toBe(200)
      expect((await api('GET', '/users/me', undefined, bearer(other.json.token))).status).toBe(401)
      expect((await logIn('mike2')).status).toBe(401)
      expect((await logIn('mike2', next.password)).status).toBe(200)
    })

    it('whose password is changed keeps no session of the old one, also of a login at that moment', async () => {
      const { headers } = await signUp('peggy')
      const change = api('PUT', '/users/me', { password: 'another password', current_password: PASSWORD }, headers)
      const logins = await Promise.all(Array.from({ length: 4 }, () => logIn('peggy')))
      expect((await change).status).toBe(200)
      for (const { json } of logins.filter(({ status }) => status === 200)) {
        expect((await api('GET', '/users/me', undefined, bearer(json.token))).status).toBe(401)
      }
      expect((await api('GET', '/users/me', undefined, headers)).status).toBe(200)
    })

    it('who is the only admin cannot be deleted', async () => {
      const { json } = await logIn('root-of-all')
      const refused = await api('DELETE', '/users/me', { password: PASSWORD }, bearer(json.token))
      expect([refused.status, refused.json.error.code]).toEqual([409, 'LAST_ADMIN'])
    })

    it('exports all own data, and is deleted with the password: its sessions and its name are free', async () => {
      const { user, headers } = await signUp('olga')
      const { json: stream } = await api('POST', '/streams', { title: 'Mine' }, headers)
      await api('POST', `/streams/${stream.stream_id}/messages`, { text: 'Hello' }, headers)
      const exported = await api('GET', '/users/me/export', undefined, headers)
      expect(exported.json).toMatchObject({
        user: { email: 'olga@example.org' },
        sessions: [{ is_current: true }],
        streams: [{ stream_id: stream.stream_id, title: 'Mine', started_at: null }],
        archives: [],
        messages: [{ stream_id: stream.stream_id, text: 'Hello' }],
      })
      expect(exported.text).not.toContain('scrypt')
      const path = `/users/${user.user_id}`
      expect((await api('DELETE', path, { password: 'wrong' }, headers)).status).toBe(403)
      expect((await api('DELETE', path, { password: PASSWORD }, headers)).status).toBe(204)
      expect((await api('GET', '/users/me', undefined, headers)).status).toBe(401)
      expect((await api('GET', path)).status).toBe(404)
      expect((await logIn('olga')).status).toBe(401)
      expect((await register('olga')).status).toBe(201)
    })
  })

  it('a path without a version leads to the one with it', async () => {
    const moved = await api('POST', '/../auth/login?x=1', {})
    expect([moved.status, moved.headers.get('location')]).toEqual([308, '/api/v1/auth/login?x=1'])
  })
})
