import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'

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
