import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let ingest: SimulatedIngest
let [admin, moderator, anna, ben]: TestUser[] = []
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  ingest = await openIngest(gateway)
  admin = await signUp(gateway.api, 'the-admin')
  moderator = await signUp(gateway.api, 'watchful')
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
  await as(admin, 'PUT', `/users/${idOf(moderator)}/role`, { role: 'moderator' })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
const idOf = (who: TestUser | undefined): string => who?.user.user_id
const codeOf = ({ status, json }: { status: number; json: Json }) => [status, json?.error?.code]
const logIn = (login: string) => as(undefined, 'POST', '/auth/login', { login, password: 'correct horse battery' })
/** Returns the newest entries of the audit log: action, actor and target. */
const newestActions = async (limit: number) => {
  const { json } = await as(admin, 'GET', `/audit?limit=${limit}`)
  return json.entries.map(({ action, actor, target, reason }: Json) => [action, actor?.username, target.name, reason])
}

it('only the roles that may moderate can, whatever the call', async () => {
  const id = idOf(anna)
  const calls = [
    ['GET', '/reports'],
    ['PUT', `/reports/${id}`, { state: 'closed' }],
    ['GET', '/users'],
    ['PUT', `/users/${id}/suspension`, { reason: 'no' }],
    ['DELETE', `/users/${id}/suspension`],
    ['PUT', `/archives/${id}/takedown`, { reason: 'no' }],
    ['DELETE', `/archives/${id}/takedown`],
    ['PUT', `/users/${id}/role`, { role: 'admin' }],
    ['GET', '/audit'],
  ] as const
  for (const [method, path, body] of calls) {
    expect(codeOf(await as(ben, method, path, body))).toEqual([403, 'FORBIDDEN'])
    expect(codeOf(await as(undefined, method, path, body))).toEqual([401, 'UNAUTHORIZED'])
  }
  for (const [method, path, body] of calls.slice(-2)) {
    expect(codeOf(await as(moderator, method, path, body))).toEqual([403, 'FORBIDDEN'])
  }
})

it('a suspension ends the sessions and broadcasts of a user, refuses logins with its reason, and can be ended', async () => {
  const chris = await signUp(gateway.api, 'chris')
  const { json: live } = await as(chris, 'POST', '/streams', { title: 'On air' })
  const { json: planned } = await as(chris, 'POST', '/streams', { title: 'Later' })
  const { session } = await ingest.publish(live.stream_key)
  const encoder = await claimBroadcast(gateway.url, live.stream_id)
  await encoder.encode(session, 2)
  const suspend = (who: TestUser | undefined, user: string, body: object = { reason: 'Spam' }) =>
    as(who, 'PUT', `/users/${user}/suspension`, body)

  const { status, json } = await suspend(moderator, idOf(chris))
  expect([status, json]).toMatchObject([200, { username: 'chris', role: 'user', suspension: { reason: 'Spam' } }])
  expect(codeOf(await as(chris, 'GET', '/users/me'))).toEqual([401, 'UNAUTHORIZED'])
  for (const id of [live.stream_id, planned.stream_id]) {
    expect((await as(undefined, 'GET', `/streams/${id}`)).json.state).toBe('ended')
  }
  expect(codeOf((await ingest.publish(live.stream_key)).answer)).toEqual([409, 'STREAM_ENDED'])
  expect(codeOf((await ingest.publish(planned.stream_key)).answer)).toEqual([409, 'STREAM_ENDED'])
  const refused = await logIn('chris')
  expect(codeOf(refused)).toEqual([403, 'ACCOUNT_SUSPENDED'])
  expect(refused.json.error.message).toContain('Spam')
  const wrong = await as(undefined, 'POST', '/auth/login', { login: 'chris', password: 'a wrong password' })
  expect(codeOf(wrong)).toEqual([401, 'LOGIN_FAILED'])
  expect((await as(moderator, 'GET', '/users?suspended=true')).json.users).toMatchObject([{ username: 'chris' }])

  expect(codeOf(await suspend(moderator, idOf(ben), {}))).toEqual([400, 'INVALID_CONFIG'])
  expect(codeOf(await suspend(moderator, idOf(ben), { reason: ' ' }))).toEqual([400, 'INVALID_CONFIG'])
  expect(codeOf(await suspend(moderator, 'no-id'))).toEqual([404, 'USER_NOT_FOUND'])
  for (const above of [moderator, admin]) {
    expect(codeOf(await suspend(moderator, idOf(above)))).toEqual([403, 'FORBIDDEN'])
  }
  expect(codeOf(await suspend(admin, idOf(admin)))).toEqual([403, 'FORBIDDEN'])

  const restored = await as(moderator, 'DELETE', `/users/${idOf(chris)}/suspension`)
  expect([restored.status, restored.json.suspension]).toEqual([200, null])
  expect((await logIn('chris')).status).toBe(200)
  expect(await newestActions(2)).toEqual([
    ['restore_user', 'watchful', 'chris', ''],
    ['suspend_user', 'watchful', 'chris', 'Spam'],
  ])
})

it('a login whose password is checked while the user is suspended begins no session', async () => {
  const dora = await signUp(gateway.api, 'dora')
  const [login] = await Promise.all([
    logIn('dora'),
    as(moderator, 'PUT', `/users/${idOf(dora)}/suspension`, { reason: 'Spam' }),
  ])
  const token = login.json.token ?? 'none'
  const me = await gateway.api('GET', '/api/v1/users/me', undefined, { authorization: `Bearer ${token}` })
  expect(me.status).toBe(401)
})

it('moderators of the platform open and moderate what is for followers, and not what is private', async () => {
  const { json: hidden } = await as(anna, 'POST', '/streams', { title: 'For friends', visibility: 'followers' })
  const path = `/streams/${hidden.stream_id}`
  await ingest.publish(hidden.stream_key)
  const { json: message } = await as(anna, 'POST', `${path}/messages`, { text: 'Hello' })
  expect((await as(ben, 'GET', path)).status).toBe(404)
  expect((await as(moderator, 'GET', path)).status).toBe(200)
  expect((await as(moderator, 'GET', `${path}/messages`)).json.messages).toMatchObject([{ text: 'Hello' }])
  expect((await as(moderator, 'DELETE', `${path}/messages/${message.id}`)).status).toBe(204)
  await as(anna, 'PUT', path, { visibility: 'private' })
  expect((await as(moderator, 'GET', path)).status).toBe(404)
})

it('the last admin stays one, and moderators find users by their names', async () => {
  const own = `/users/${idOf(admin)}/role`
  expect(codeOf(await as(admin, 'PUT', own, { role: 'user' }))).toEqual([409, 'LAST_ADMIN'])
  expect(codeOf(await as(admin, 'PUT', own, { role: 'king' }))).toEqual([400, 'INVALID_CONFIG'])
  const find = async (query: string) =>
    (await as(moderator, 'GET', `/users?${query}`)).json.users.map(({ username }: Json) => username)
  expect(await find('q=ANN')).toEqual(['anna'])
  expect(await find('q=%25')).toEqual([])
  expect(await find('role=admin')).toEqual(['the-admin'])
  const { json } = await as(moderator, 'GET', '/users?limit=1')
  expect(json.users[0].email).toBe(undefined)
  const rest = await as(moderator, 'GET', `/users?limit=200&cursor=${json.next_cursor}`)
  expect(rest.json.users.map(({ username }: Json) => username)).not.toContain(json.users[0].username)
})

it('reports of one subject are one entry, which a moderator closes and a new report opens again', async () => {
  const { json: stream } = await as(anna, 'POST', '/streams', { title: 'Bad show' })
  const { json: hidden } = await as(anna, 'POST', '/streams', { title: 'Hidden', visibility: 'private' })
  const report = (who: TestUser | undefined, kind: string, id: string, reason = 'Rude') =>
    as(who, 'POST', '/reports', { kind, id, reason })
  const open = async (query = '') =>
    (await as(moderator, 'GET', `/reports${query}`)).json.reports.map(({ kind, id, reports, reasons }: Json) => ({
      kind,
      id,
      reports,
      reasons,
    }))
  const id = stream.stream_id
  expect((await report(ben, 'stream', id)).status).toBe(204)
  expect((await report(ben, 'stream', id, 'Twice')).status).toBe(204)
  expect((await report(moderator, 'stream', id, 'Loud')).status).toBe(204)
  expect((await report(ben, 'user', idOf(anna), 'A bot')).status).toBe(204)
  const bad = { kind: 'stream', id, reports: 2, reasons: ['Rude', 'Loud'] }
  const bot = { kind: 'user', id: idOf(anna), reports: 1, reasons: ['A bot'] }
  expect(await open()).toEqual([bot, bad])

  expect(codeOf(await report(ben, 'stream', hidden.stream_id))).toEqual([404, 'STREAM_NOT_FOUND'])
  expect(codeOf(await report(ben, 'archive', id))).toEqual([404, 'ARCHIVE_NOT_FOUND'])
  expect(codeOf(await report(ben, 'user', id))).toEqual([404, 'USER_NOT_FOUND'])
  expect(codeOf(await report(ben, 'message', id))).toEqual([400, 'INVALID_CONFIG'])
  expect(codeOf(await report(ben, 'stream', id, ''))).toEqual([400, 'INVALID_CONFIG'])
  expect(codeOf(await report(undefined, 'stream', id))).toEqual([401, 'UNAUTHORIZED'])

  // A message that viewers report to the moderators of a chat is on the list of the platform too.
  const said = await as(ben, 'POST', `/streams/${id}/messages`, { text: 'so rude' })
  await as(anna, 'POST', `/streams/${id}/messages/${said.json.id}/reports`, { reason: '' })
  expect((await open('?limit=1'))[0]).toEqual({ kind: 'message', id: said.json.id, reports: 1, reasons: [] })

  const filed = (await as(ben, 'GET', '/users/me/export')).json.reports
  expect(filed).toEqual([
    { report_id: expect.any(String), kind: 'user', id: idOf(anna), reason: 'A bot', created_at: expect.any(String) },
    { report_id: expect.any(String), kind: 'stream', id, reason: 'Rude', created_at: expect.any(String) },
  ])

  const close = (subject: string, body: object = { state: 'closed', reason: 'Checked' }) =>
    as(moderator, 'PUT', `/reports/${subject}`, body)
  expect([(await close(id)).status, (await close(id)).status]).toEqual([204, 204])
  expect(codeOf(await close(hidden.stream_id))).toEqual([404, 'REPORT_NOT_FOUND'])
  expect(codeOf(await close(id, { state: 'open' }))).toEqual([400, 'INVALID_CONFIG'])
  expect((await open()).map(({ kind }: Json) => kind)).toEqual(['message', 'user'])
  expect(await open('?state=closed')).toEqual([bad])
  expect(await newestActions(1)).toEqual([['close_reports', 'watchful', 'Bad show', 'Checked']])
  expect((await report(admin, 'stream', id, 'Still')).status).toBe(204)
  expect((await open())[0]).toEqual({ kind: 'stream', id, reports: 1, reasons: ['Still'] })
})

it('one user files only so many reports in a short time', async () => {
  const eager = await signUp(gateway.api, 'eager')
  const file = () => as(eager, 'POST', '/reports', { kind: 'user', id: idOf(ben), reason: 'Again' })
  const answers = await Promise.all(Array.from({ length: 51 }, file))
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.map(codeOf)).toEqual([[429, 'REPORTS_LIMITED']])
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
})

it('a recording that is taken down is open to its owner only, with the reason, until it is restored', async () => {
  const { json: stream } = await as(anna, 'POST', '/streams', { title: 'Borrowed film' })
  const { session } = await ingest.publish(stream.stream_key)
  const encoder = await claimBroadcast(gateway.url, stream.stream_id)
  await encoder.encode(session, 3)
  await as(anna, 'PUT', `/streams/${stream.stream_id}/end`)
  await encoder.report({ finished_session: session })
  const listed = async (who?: TestUser) =>
    (await as(who, 'GET', '/archives?user=anna')).json.archives.map(({ title }: Json) => title)
  expect(await listed()).toEqual(['Borrowed film'])
  const { archive_id: id, playback_url: url } = (await as(undefined, 'GET', '/archives?user=anna')).json.archives[0]
  const play = async () => (await fetch(`${gateway.url}${url}`)).status
  expect(await play()).toBe(200)

  const takeDown = (body: object) => as(moderator, 'PUT', `/archives/${id}/takedown`, body)
  expect(codeOf(await takeDown({}))).toEqual([400, 'INVALID_CONFIG'])
  expect([(await takeDown({ reason: 'Not yours' })).status, (await takeDown({ reason: 'Theirs' })).status]).toEqual([
    204, 204,
  ])
  expect([await listed(), await listed(anna)]).toEqual([[], ['Borrowed film']])
  for (const path of [`/archives/${id}`, `/streams/${stream.stream_id}`]) {
    expect((await as(ben, 'GET', path)).status).toBe(404)
  }
  expect(await play()).not.toBe(200)
  const own = await as(anna, 'GET', `/archives/${id}`)
  expect(own.json).toMatchObject({ visibility: 'private', taken_down: { reason: 'Theirs' } })
  for (const path of [`/archives/${id}`, `/streams/${stream.stream_id}`]) {
    const refused = await as(anna, 'PUT', path, { visibility: 'public' })
    expect(codeOf(refused)).toEqual([409, 'TAKEN_DOWN'])
    expect(refused.json.error.message).toContain('Theirs')
  }
  // A form sends all of its fields.
  const unchanged = { title: 'Borrowed', visibility: 'private' }
  for (const path of [`/archives/${id}`, `/streams/${stream.stream_id}`]) {
    expect((await as(anna, 'PUT', path, unchanged)).status).toBe(200)
  }

  const restore = () => as(moderator, 'DELETE', `/archives/${id}/takedown`)
  expect([(await restore()).status, (await restore()).status]).toEqual([204, 204])
  expect([await listed(), await play()]).toEqual([['Borrowed'], 200])
  expect((await as(anna, 'GET', `/archives/${id}`)).json.taken_down).toBe(null)
  expect(await newestActions(3)).toEqual([
    ['restore_archive', 'watchful', 'Borrowed', ''],
    ['take_down_archive', 'watchful', 'Borrowed', 'Theirs'],
    ['take_down_archive', 'watchful', 'Borrowed', 'Not yours'],
  ])
  expect(codeOf(await as(moderator, 'PUT', `/archives/${idOf(ben)}/takedown`, { reason: 'no' }))).toEqual([
    404,
    'ARCHIVE_NOT_FOUND',
  ])
})

it('the audit log has what moderators do in the chats of others and what admins set, and from where', async () => {
  const { json: stream } = await as(anna, 'POST', '/streams', { title: 'A chat' })
  const chat = `/streams/${stream.stream_id}`
  await as(anna, 'PUT', `${chat}/moderators/${idOf(ben)}`)
  const rude = await signUp(gateway.api, 'rude')
  const say = async (who: TestUser | undefined) =>
    (await as(who, 'POST', `${chat}/messages`, { text: 'Hello' })).json.id as string
  const before = await newestActions(1)
  expect((await as(anna, 'DELETE', `${chat}/messages/${await say(rude)}`)).status).toBe(204)
  expect((await as(moderator, 'DELETE', `${chat}/messages/${await say(moderator)}`)).status).toBe(204)
  for (const who of [ben, anna]) {
    expect((await as(who, 'PUT', `${chat}/bans/${idOf(rude)}`, {})).status).toBe(204)
    expect((await as(who, 'DELETE', `${chat}/bans/${idOf(rude)}`)).status).toBe(204)
  }
  expect(await newestActions(1)).toEqual(before)

  const message = await say(rude)
  expect((await as(moderator, 'DELETE', `${chat}/messages/${message}`)).status).toBe(204)
  await as(moderator, 'PUT', `${chat}/bans/${idOf(rude)}`, { duration_sec: 60 })
  await as(moderator, 'DELETE', `${chat}/bans/${idOf(rude)}`)
  await as(moderator, 'DELETE', `${chat}/bans/${idOf(rude)}`)
  expect((await as(admin, 'POST', '/invitations')).status).toBe(201)
  for (const id of ['acct_1', 'acct_2', 'acct_2', null]) {
    const set = await as(admin, 'PUT', `/users/${idOf(anna)}/payout-account`, { account_id: id })
    expect(set.status).toBe(200)
  }
  expect(await newestActions(7)).toEqual([
    ['set_payout_account', 'the-admin', 'anna', 'from acct_2 to none'],
    ['set_payout_account', 'the-admin', 'anna', 'from acct_1 to acct_2'],
    ['set_payout_account', 'the-admin', 'anna', 'from none to acct_1'],
    ['create_invitation', 'the-admin', 'the-admin', ''],
    ['lift_chat_ban', 'watchful', 'rude', `channel ${idOf(anna)}`],
    ['ban_from_chat', 'watchful', 'rude', `channel ${idOf(anna)}, for 60 s, with the messages`],
    ['delete_message', 'watchful', null, `channel ${idOf(anna)}, author ${idOf(rude)}`],
  ])
  const entries = async () => (await as(admin, 'GET', '/audit?limit=7')).json.entries
  expect((await entries()).at(-1)).toMatchObject({ target: { kind: 'message', id: message } })
  for (const { address } of await entries()) expect(address).toMatch(/^(?:::ffff:)?127\.0\.0\.1$|^::1$/)

  await as(admin, 'PUT', `/users/${idOf(moderator)}/role`, { role: 'user' })
  await as(moderator, 'DELETE', '/users/me', { password: 'correct horse battery' })
  expect((await entries()).at(-1)).toMatchObject({ action: 'ban_from_chat', actor: null, address: null })
})
