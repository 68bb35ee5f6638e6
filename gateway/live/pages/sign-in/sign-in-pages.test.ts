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
