import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let [anna, ben]: TestUser[] = []
let streamId = ''
beforeAll(async () => {
  gateway = await startTestGateway()
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, anna.headers)
  streamId = json.stream_id
})
afterAll(() => gateway[Symbol.asyncDispose]())

const cookieOf = (who: TestUser | undefined) => ({
  cookie: `tallylight_session=${who?.headers['authorization']?.replace('Bearer ', '')}`,
})
const read = async (path: string, who?: TestUser) => {
  const answer = await fetch(gateway.url + path, { headers: who === undefined ? {} : cookieOf(who) })
  return answer.text()
}
const send = async (path: string, form: Record<string, string>, headers: Record<string, string>) => {
  const body = new URLSearchParams(form)
  const answer = await fetch(gateway.url + path, { method: 'POST', body, headers, redirect: 'manual' })
  return [answer.status, answer.headers.get('location')]
}

it('a form follows and unfollows a channel, without scripts, and leads back to the page', async () => {
  const page = `/watch/${streamId}`
  expect(await read(page, ben)).toMatch(/0 followers[\s\S]*aria-label="Follow anna"/)
  const own = { ...cookieOf(ben), origin: gateway.url }
  const back = `watch/${streamId}`
  expect(await send('/@anna/follow', { follow: 'yes', back }, own)).toEqual([303, `../${back}`])
  for (const path of [page, '/@anna']) expect(await read(path, ben)).toMatch(/1 follower[\s\S]*"Unfollow anna"/)
  expect(await read('/', ben)).toMatch(/Channels you follow[\s\S]*href="@anna"/)
  expect(await read('/@anna', anna)).not.toContain('ollow anna')
  expect(await send('/@anna/follow', { follow: 'no', back: '//evil.example' }, own)).toEqual([303, '../'])
  expect(await read('/', ben)).not.toContain('Channels you follow')
})

it('a visitor is led to sign in, and no other site can make a browser follow', async () => {
  const page = await read(`/watch/${streamId}?lang=ja`)
  expect(page).toContain(`href="../sign-in?next=watch%2F${streamId}"`)
  expect(page).toContain('ログインしてフォロー')
  const form = { follow: 'yes', back: '@anna' }
  expect(await send('/@anna/follow', form, {})).toEqual([303, '../sign-in?next=%40anna'])
  const [status] = await send('/@anna/follow', form, { ...cookieOf(ben), origin: 'https://evil.example' })
  expect(status).toBe(403)
  expect(await read('/@anna')).toContain('0 followers')
})

it('notices are counted in the bar, listed, and read; a channel and a kind are turned off by forms', async () => {
  const own = { ...cookieOf(ben), origin: gateway.url }
  const back = '@anna'
  await send('/@anna/follow', { follow: 'yes', back }, own)
  expect(await read('/notices', ben)).toContain('No notices')
  const plan = { title: 'The <plan>', scheduled_for: new Date(Date.now() + 3_600_000).toISOString() }
  const { json } = await gateway.api('POST', '/api/v1/streams', plan, anna?.headers)
  await until(async () => (await read('/', ben)).includes('Notices, 1 unread'), 'the bell has a notice')
  expect(await read('/notices?part=bell&root=..', ben)).toMatch(/^<a href="..\/notices" title="Notices, 1 unread"/)
  for (const [root, shown] of Object.entries({ '..': '..', '../..': '../..', '..//evil.example': '.' })) {
    const bell = await read(`/notices?part=bell&root=${encodeURIComponent(root)}`, ben)
    expect([root, bell]).toEqual([root, expect.stringContaining(`<a href="${shown}/notices"`)])
  }
  const page = await read('/notices', ben)
  const [, again = ''] = /class="bell" data-refresh="([^"]+)"/.exec(page) ?? []
  expect(await read(`/${again.replaceAll('&amp;', '&')}`, ben)).toContain('aria-current="page"')
  expect(await read(`/report/stream/${json.stream_id}`, ben)).toContain(
    'data-refresh="../../notices?part=bell&amp;root=..%2F..',
  )
  expect(page).toMatch(/anna plans a broadcast[\s\S]*The &lt;plan&gt;[\s\S]*New/)
  const [, link = ''] = /href="(notices\/[0-9a-f-]{36})"/.exec(page) ?? []
  const opened = await fetch(`${gateway.url}/${link}`, { headers: cookieOf(ben), redirect: 'manual' })
  expect([opened.status, opened.headers.get('location')]).toEqual([303, `../watch/${json.stream_id}`])
  expect(await read('/', ben)).toContain('title="Notices"')
  const [refused] = await send(`/${link}`, {}, cookieOf(anna))
  expect(refused).toBe(404)
  expect(await send('/notices', {}, own)).toEqual([303, 'notices'])

  await send('/@anna/follow', { notices: 'no', back }, own)
  expect(await read('/@anna', ben)).toContain('Turn notices on')
  expect(await send('/settings', { form: 'notices', live: 'on' }, own)).toEqual([303, 'settings?saved=notices#notices'])
  const { json: wanted } = await gateway.api('GET', '/api/v1/notifications/preferences', undefined, ben?.headers)
  expect(wanted).toMatchObject({ scheduled: false, soon: false, live: true })
})
