import { afterAll, beforeAll, expect, it } from 'vitest'

import { newUuid } from '../../../../shared/ids.ts'
import { toCursor } from '../../../http/paging.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let anna: TestUser
beforeAll(async () => {
  gateway = await startTestGateway()
  anna = await signUp(gateway.api, 'anna')
})
afterAll(() => gateway[Symbol.asyncDispose]())

it('the other language keeps where to go afterwards, the invitation, and the place in a list', async () => {
  const read = async (path: string, headers = {}) => (await fetch(`${gateway.url}/${path}`, { headers })).text()
  expect(await read('sign-in')).toContain('href="?lang=ja"')
  expect(await read('sign-in?next=studio/new')).toContain('href="?next=studio%2Fnew&amp;lang=ja"')
  const invited = await read('register?next=settings&invitation=abc')
  expect(invited).toContain('href="?next=settings&amp;invitation=abc&amp;lang=ja"')
  const query = `?cursor=${toCursor(newUuid())}`
  for (const path of ['notices', 'admin/users', 'admin/audit']) {
    expect(await read(path + query, { cookie: cookieOf(anna) })).toMatch(
      /href="\?(?:q=&amp;)?cursor=[\w-]+&amp;lang=ja"/,
    )
  }
})

it('who is signed out sends a form, and gets from signing in to a page that exists, and to no other site', async () => {
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, anna.headers)
  const id = show.stream_id
  const post = async (path: string, form: Record<string, string>) => {
    const body = new URLSearchParams(form)
    const headers = { origin: gateway.url }
    const answer = await fetch(`${gateway.url}/${path}`, { method: 'POST', headers, body, redirect: 'manual' })
    return [answer.status, new URL(answer.headers.get('location') ?? '', `${gateway.url}/${path}`)] as const
  }
  const forms: Readonly<Record<string, Record<string, string>>> = {
    '@anna/follow': { follow: 'yes', back: `watch/${id}` },
    [`watch/${id}/clip`]: { duration: '30', title: 'x' },
    [`report/stream/${id}`]: { reason: 'x' },
    [`studio/${id}`]: { form: 'key' },
    'studio/new': { title: 'x' },
    'admin/users?q=a': { form: 'invite' },
    notices: {},
    settings: { form: 'unblock', user_id: newUuid() },
  }
  for (const [path, form] of Object.entries(forms)) {
    const [status, signIn] = await post(path, form)
    expect([path, status, signIn.origin, signIn.pathname]).toEqual([path, 303, gateway.url, '/sign-in'])
    const next = signIn.searchParams.get('next') ?? ''
    const [, target] = await post('sign-in', { next, login: 'anna', password: 'correct horse battery' })
    const page = await fetch(target, { headers: { cookie: cookieOf(anna), accept: 'text/html' } })
    expect([path, target.origin, page.status]).toEqual([path, gateway.url, 200])
  }
  // The pages of forms that are refused have a language, too.
  const followed = await fetch(`${gateway.url}/@anna/follow?lang=ja`, { headers: { cookie: cookieOf(anna) } })
  expect([followed.status, followed.url]).toEqual([200, `${gateway.url}/@anna`])
  for (const next of [
    '//evil.example',
    'https://evil.example/',
    '/\\evil.example',
    'a?//evil.example',
    'javascript:0',
  ]) {
    const [, target] = await post('sign-in', { next, login: 'anna', password: 'correct horse battery' })
    expect([next, target.href]).toEqual([next, `${gateway.url}/`])
  }
})

it('another site cannot sign a user out, also with a form that comes without the cookie', async () => {
  const signOut = async (headers: Record<string, string>) => {
    const answer = await fetch(`${gateway.url}/sign-out`, { method: 'POST', headers, redirect: 'manual' })
    return [answer.status, answer.headers.has('set-cookie')]
  }
  const cookie = cookieOf(anna)
  for (const own of [{}, { cookie }] as const) {
    expect(await signOut({ ...own, origin: 'https://evil.example' })).toEqual([403, false])
  }
  expect((await gateway.api('GET', '/api/v1/users/me', undefined, anna.headers)).status).toBe(200)
  expect(await signOut({ cookie, origin: gateway.url })).toEqual([303, true])
  expect((await gateway.api('GET', '/api/v1/users/me', undefined, anna.headers)).status).toBe(401)
})
