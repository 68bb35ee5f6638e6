import { afterAll, beforeAll, expect, it } from 'vitest'

import { BrokenRule } from '../../../errors.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'
import { explainStreamRefusal } from './stream-form.ts'

let gateway: TestGateway
let anna: TestUser
beforeAll(async () => {
  gateway = await startTestGateway()
  anna = await signUp(gateway.api, 'anna')
})
afterAll(() => gateway[Symbol.asyncDispose]())

it('a form that is sent twice creates one broadcast, with one key, and another one where its user has changed it', async () => {
  const cookie = cookieOf(anna)
  const headers = { cookie, origin: gateway.url }
  const form = await (await fetch(`${gateway.url}/studio/new`, { headers })).text()
  const key = /name="key" value="([^"]+)"/.exec(form)?.[1] ?? ''
  const create = async (title: string) => {
    const body = new URLSearchParams({ key, title, visibility: 'public', latency: 'low' })
    const answer = await fetch(`${gateway.url}/studio/new`, { method: 'POST', body, headers })
    expect(answer.status).toBe(201)
    return /sk-[\w-]+/.exec(await answer.text())?.[0]
  }
  const [first, second] = await Promise.all([create('A show'), create('A show')])
  expect([first, second]).toEqual([expect.stringMatching(/^sk-./), first])
  await create('Another show')
  const { json } = await gateway.api('GET', `/api/v1/streams?user=${anna.user.user_id}`, undefined, anna.headers)
  const titles = json.streams.map(({ title }: { title: string }) => title)
  expect(titles.toSorted()).toEqual(['A show', 'Another show'])
})

it('the studio of a broadcast on the air reads its viewers again every two seconds', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'On the air' }, anna.headers)
  await gateway.database.sql`update streams set state = 'live', started_at = now() where stream_id = ${json.stream_id}`
  const cookie = cookieOf(anna)
  const page = await (await fetch(`${gateway.url}/studio/${json.stream_id}`, { headers: { cookie } })).text()
  expect(page).toContain(`data-refresh="${json.stream_id}?part=viewers" data-every="2"`)
})

it('the list of the own broadcasts is read again every two seconds', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'In the list' }, anna.headers)
  const headers = { cookie: cookieOf(anna) }
  const page = await (await fetch(`${gateway.url}/studio`, { headers })).text()
  expect(page).toContain('data-refresh="?part=list" data-every="2"')
  await gateway.database.sql`update streams set state = 'live', started_at = now() where stream_id = ${json.stream_id}`
  const list = await (await fetch(`${gateway.url}/studio?part=list`, { headers })).text()
  expect(list).not.toContain('<html')
  expect(list).toMatch(/LIVE[\s\S]*In the list/)
})

it('readers hear of the studio that its values are old, and not each value of the lanes', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Heard' }, anna.headers)
  const headers = { cookie: cookieOf(anna) }
  const page = await (await fetch(`${gateway.url}/studio/${json.stream_id}`, { headers })).text()
  expect(page).toMatch(/<p [^>]*role="status" data-stale/)
  expect(page).toContain('<span class="lane-value">')
  expect(page).not.toContain('<output')
})

it('the language of the page with a new key changes by a form, which keeps the key out of addresses, as long as it is valid', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'With a key' }, anna.headers)
  const id = json.stream_id
  const page = await (await send(id, { form: 'key' })).text()
  const key = /sk-[0-9a-f]{32}/.exec(page)?.[0] ?? ''
  expect(page).toContain(`action="../studio/${id}?lang=ja"`)
  expect(page).toContain(`name="key" value="${key}"`)
  expect(page).not.toMatch(/href="[^"]*lang=ja/)
  const shown = await send(`${id}?lang=ja`, { form: 'shown-key', key })
  const japanese = await shown.text()
  expect([shown.status, shown.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(japanese).toContain('<html lang="ja"')
  expect(japanese).toContain(`<code>${key}</code>`)
  const created = await send('new', { title: 'Created', visibility: 'public', latency: 'low' })
  expect(await created.text()).toMatch(/action="\.\.\/studio\/[0-9a-f-]{36}\?lang=ja"/)
  await send(id, { form: 'key' })
  for (const old of [key, 'sk-0', '']) {
    const answer = await send(`${id}?lang=en`, { form: 'shown-key', key: old })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, id])
  }
  const plain = await (await fetch(`${gateway.url}/studio/${id}`, { headers: { cookie: cookieOf(anna) } })).text()
  expect(plain).toContain('href="?lang=ja"')
})

it('a studio that is out of date leads to the one of the broadcast that has ended', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Over' }, anna.headers)
  await gateway.api('PUT', `/api/v1/streams/${json.stream_id}/end`, undefined, anna.headers)
  for (const form of [{ form: 'key' }, { form: 'target-add', url: 'rtmp://live.example.com/app', key: 'theirs' }]) {
    const answer = await send(json.stream_id, form)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, json.stream_id])
  }
})

it('the form of a broadcast that is taken down says why its visibility stays', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Down', visibility: 'private' }, anna.headers)
  const takeDown = { at: '2026-01-01T00:00:00Z', reason: 'x', visibility: { stream: 'public', archive: 'public' } }
  await gateway.database.sql`
    update streams set take_down = ${JSON.stringify(takeDown)}::json where stream_id = ${json.stream_id}`
  const answer = await send(json.stream_id, { form: 'details', title: 'Down', visibility: 'public', latency: 'low' })
  expect(answer.status).toBe(400)
  expect(await answer.text()).toMatch(/id="visibility-problem">\s*A moderator has taken the recording down/)
})

it.each(['STREAM_STARTED', 'STREAM_ENDED'] as const)('a form that comes too late says so at a field: %s', (code) => {
  for (const language of ['en', 'ja'] as const) {
    const problems = explainStreamRefusal(new BrokenRule(LIVE_ERRORS[code], 'too late'), language)
    expect(Object.keys(problems ?? {})).toEqual([code === 'STREAM_STARTED' ? 'scheduled_for' : 'record'])
  }
})

function send(id: string, form: Record<string, string>): Promise<Response> {
  const headers = { cookie: cookieOf(anna), origin: gateway.url }
  const body = new URLSearchParams(form)
  return fetch(`${gateway.url}/studio/${id}`, { method: 'POST', body, headers, redirect: 'manual' })
}
