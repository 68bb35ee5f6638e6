import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let [admin, anna, ben]: TestUser[] = []
let streamId = ''
beforeAll(async () => {
  gateway = await startTestGateway({ env: { REGISTRATION: 'open' } })
  admin = await signUp(gateway.api, 'the-admin')
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A <show>' }, anna.headers)
  streamId = json.stream_id
})
afterAll(() => gateway[Symbol.asyncDispose]())

const headersOf = (who: TestUser | undefined): Record<string, string> =>
  who === undefined ? {} : { cookie: cookieOf(who), origin: gateway.url }
const read = async (path: string, who?: TestUser) => {
  const answer = await fetch(gateway.url + path, { headers: headersOf(who), redirect: 'manual' })
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
}
const send = async (path: string, form: Record<string, string>, who: TestUser | undefined) => {
  const body = new URLSearchParams(form)
  const answer = await fetch(gateway.url + path, { method: 'POST', body, headers: headersOf(who), redirect: 'manual' })
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
}

it('a viewer reports what a page shows, and its owner has no such link', async () => {
  const path = `/report/stream/${streamId}`
  expect((await read(`/watch/${streamId}`, ben)).text).toContain(`href="..${path}"`)
  expect((await read(`/watch/${streamId}`, anna)).text).not.toContain('/report/')
  expect((await read('/@anna', ben)).text).toContain(`href="./report/user/${anna?.user.user_id}"`)
  expect((await read(path)).location).toBe(`../../sign-in?next=${encodeURIComponent(path.slice(1))}`)
  expect((await read(path, ben)).text).toMatch(/Broadcast[\s\S]*A &lt;show&gt;/)
  expect((await read('/report/jobs/1', ben)).status).toBe(404)
  const empty = await send(path, { reason: '  ' }, ben)
  expect([empty.status, empty.text.includes('what is wrong')]).toEqual([400, true])
  expect((await send(path, { reason: 'Two\nlines' }, ben)).text).toContain('Your report is sent')
})

it('moderators find the report, close it, suspend its owner, and admins see who did it', async () => {
  for (const path of ['/admin/reports', '/admin/users', '/admin/audit']) {
    expect((await read(path, ben)).status).toBe(403)
    expect((await read(path)).location).toMatch(/^\.\.\/sign-in\?next=admin/)
  }
  expect((await read('/', ben)).text).not.toContain('admin/reports')
  expect((await read('/', admin)).text).toContain('href="./admin/reports"')
  expect((await read('/admin/reports', admin)).text).toMatch(/A &lt;show&gt;[\s\S]*by anna[\s\S]*Two lines/)
  expect((await send('/admin/reports', { form: 'close', id: streamId }, ben)).status).toBe(403)
  const closed = await send('/admin/reports', { form: 'close', id: streamId }, admin)
  expect([closed.status, closed.location]).toEqual([303, 'reports'])
  expect((await read('/admin/reports', admin)).text).toContain('Nothing is reported')
  expect((await read('/admin/reports?state=closed&lang=ja', admin)).text).toContain('通報1件')

  const id = anna?.user.user_id
  expect((await read('/admin/users?q=ann', admin)).text).toMatch(/@anna[\s\S]*Suspend/)
  const done = await send('/admin/users?q=ann', { form: 'suspend', id, reason: 'Not <nice>' }, admin)
  expect([done.status, done.location]).toEqual([303, 'users?q=ann'])
  expect((await read('/admin/users?q=ann', admin)).text).toMatch(/Suspended[\s\S]*Not &lt;nice&gt;/)
  const refused = await send('/sign-in', { login: 'anna', password: 'correct horse battery' }, undefined)
  expect(refused.text).toContain('suspended by the moderators: Not &lt;nice&gt;')
  await send('/admin/users?q=ann', { form: 'restore', id }, admin)
  expect((await send('/sign-in', { login: 'anna', password: 'correct horse battery' }, undefined)).status).toBe(303)
  for (const [page, shown] of Object.entries({ 'reports?state=closed&': 'A &lt;show&gt;', 'users?q=ann&': '@anna' })) {
    const part = (await read(`/admin/${page}part=list`, admin)).text
    expect(part).not.toContain('<html')
    expect(part).toContain(shown)
    expect((await read(`/admin/${page}part=list`, ben)).status).toBe(403)
  }
  expect((await read('/admin/audit?part=list', admin)).text).toMatch(/^(?!.*<html).*suspended/s)
  expect((await read('/admin/audit', admin)).text).toMatch(/the-admin<\/strong> restored[\s\S]*anna[\s\S]*suspended/)
})

it('an admin changes roles and creates invitations, and a refusal is shown with its reason', async () => {
  const id = ben?.user.user_id
  expect((await send('/admin/users', { form: 'role', id, role: 'moderator' }, admin)).status).toBe(303)
  expect((await read('/admin/reports', ben)).status).toBe(200)
  expect((await read('/admin/audit', ben)).status).toBe(403)
  expect((await send('/admin/users', { form: 'invite' }, ben)).status).toBe(403)
  const last = await send('/admin/users', { form: 'role', id: admin?.user.user_id, role: 'user' }, admin)
  expect([last.status, last.text.includes('The platform needs an admin')]).toEqual([400, true])
  const own = await send('/admin/users', { form: 'suspend', id: admin?.user.user_id, reason: 'x' }, ben)
  expect([own.status, own.text.includes('not lower than yours')]).toEqual([400, true])
  const invited = await send('/admin/users', { form: 'invite' }, admin)
  const [, code = ''] = /\/register\?invitation=([\w-]+)</.exec(invited.text) ?? []
  expect(code).not.toBe('')
  // Its language is changed by a form: a link would lose the invitation.
  expect(invited.text).toMatch(/action="users\?q=&amp;lang=ja"[\s\S]*name="invitation"/)
  const again = await send('/admin/users?q=&lang=ja', { form: 'shown-invitation', invitation: code }, admin)
  expect(again.text).toMatch(new RegExp(`<html lang="ja"[\\s\\S]*invitation=${code}<`))
  expect((await send('/admin/users', { form: 'shown-invitation', invitation: 'x' }, admin)).status).toBe(303)
})

it('a form with a blank reason changes nothing, and its page says that a reason is needed', async () => {
  const id = anna?.user.user_id
  for (const [page, form] of [
    ['users', 'suspend'],
    ['reports', 'take-down'],
  ] as const) {
    const refused = await send(`/admin/${page}`, { form, id, reason: '   ' }, admin)
    expect([refused.status, refused.text.includes('Write the reason in one line')]).toEqual([400, true])
  }
  expect((await read('/admin/users?q=ann', admin)).text).not.toContain('Suspended')
})

it('the owner of a channel names moderators of its chats, by their names', async () => {
  const { json: stream } = await gateway.api('POST', '/api/v1/streams', { title: 'Own' }, admin?.headers)
  const add = (moderator: string) => send('/settings', { form: 'add-moderator', moderator }, admin)
  for (const name of ['unknown-name', '', 'a\u0000b']) {
    const refused = await add(name)
    expect([refused.status, refused.text.includes('There is no user of this name.')]).toEqual([404, true])
  }
  expect((await add(' BEN ')).location).toBe('settings#moderators')
  expect((await read('/settings', admin)).text).toContain('Remove ben from your moderators')
  const { json } = await gateway.api('GET', `/api/v1/streams/${stream.stream_id}/room`, undefined, ben?.headers)
  expect(json.role).toBe('moderator')
  await send('/settings', { form: 'remove-moderator', user_id: ben?.user.user_id }, admin)
  expect((await read('/settings', admin)).text).not.toContain('Remove ben')
})

it('control characters in a query cause no error of the server', async () => {
  for (const path of ['/?q=a%00b', '/?category=a%00b', '/api/v1/archives?user=a%00b', '/api/v1/clips?user=a%00b']) {
    expect((await read(path)).status).toBe(200)
  }
  for (const query of ['streams?q=a%00b', 'streams?category=a%00b', 'streams?user=a%00b', 'users?q=a%00b']) {
    expect((await read(`/api/v1/${query}`, admin)).status).toBe(400)
  }
  expect((await read('/admin/users?q=a%00b', admin)).status).toBe(200)
})

it('moderators delete a reported message, also of a chat that they may not read, and its reports are closed', async () => {
  const { api } = gateway
  const [caster, writer] = [await signUp(api, 'the-caster'), await signUp(api, 'the-writer')]
  const { json: show } = await api('POST', '/api/v1/streams', { title: 'With a chat' }, caster.headers)
  const path = `/api/v1/streams/${show.stream_id}`
  const { json: said } = await api('POST', `${path}/messages`, { text: 'So <rude>' }, writer.headers)
  await api('POST', `${path}/messages/${said.id}/reports`, { reason: '' }, caster.headers)
  await api('PATCH', path, { visibility: 'private' }, caster.headers)
  expect((await read('/admin/reports', admin)).text).toMatch(/So &lt;rude&gt;[\s\S]*Delete message/)
  const form = { form: 'delete-message', id: said.id }
  expect((await send('/admin/reports', form, writer)).status).toBe(403)
  for (const _again of [1, 2]) expect((await send('/admin/reports', form, admin)).status).toBe(303)
  expect((await api('GET', `${path}/messages`, undefined, caster.headers)).json.messages).toEqual([])
  expect((await read('/admin/reports', admin)).text).not.toContain('So &lt;rude&gt;')
  expect((await read('/admin/audit', admin)).text).toContain('deleted a message')
  expect((await send('/admin/reports', { form: 'delete-message', id: streamId }, admin)).status).toBe(404)
})
