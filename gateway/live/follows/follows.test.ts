import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { openEventSource } from '../../testing/event-source.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import { TEST_KEYS, type Json } from '../../testing/test-gateway.ts'
import { openChatClient } from '../chat/testing/chat-client.ts'
import { claimBroadcast, claimIngest, signUp, type TestUser } from '../testing/live-gateway.ts'

describe.each(RUNTIMES)('follows on %s', (runtime) => {
  let gateway: RuntimeGateway
  let [owner, anna, ben]: TestUser[] = []
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { INGEST_WORKERS: '1' })
    owner = await signUp(gateway.api, 'owner-of-all')
    anna = await signUp(gateway.api, 'anna')
    ben = await signUp(gateway.api, 'ben')
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  // A fetch runtime does its periodic work at a tick only.
  const tick = () =>
    gateway.api('POST', '/internal/v1/tick', undefined, { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY })
  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const idOf = (who: TestUser | undefined): string => who?.user.user_id
  const follow = async (who: TestUser | undefined, whom = owner) => as(who, 'POST', '/follows', { user_id: idOf(whom) })
  const create = async (more: object = {}): Promise<string> =>
    (await as(owner, 'POST', '/streams', { title: 'A show', visibility: 'followers', ...more })).json.stream_id
  const usersOf = async (path: string) => (await as(undefined, 'GET', path)).json.users.map((one: Json) => one.username)

  it('twice is once, and ends once', async () => {
    const [first, again] = [await follow(anna), await follow(anna)]
    expect(first.status).toBe(201)
    expect(first.json).toEqual({
      follow_id: expect.any(String),
      follower_id: idOf(anna),
      following_id: idOf(owner),
      notices: true,
      email: true,
      push: true,
      created_at: expect.any(String),
    })
    expect([again.status, again.json]).toEqual([201, first.json])
    expect(await usersOf(`/users/${idOf(owner)}/followers`)).toEqual(['anna'])
    const { follow_id: id } = first.json
    expect((await as(ben, 'DELETE', `/follows/${id}`)).json.error.code).toBe('FOLLOW_NOT_FOUND')
    const ended = [await as(anna, 'DELETE', `/follows/${id}`), await as(anna, 'DELETE', `/follows/${id}`)]
    expect(ended.map(({ status }) => status)).toEqual([204, 204])
    expect(await usersOf(`/users/${idOf(owner)}/followers`)).toEqual([])
  })

  it('of many requests at one moment there is one', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => follow(ben, anna)))
    expect(new Set(made.map(({ status, json }) => `${status} ${json.follow_id}`)).size).toBe(1)
  })

  it('of oneself, of an unknown user, without a session and with wrong fields are refused', async () => {
    const codeOf = ({ status, json }: { status: number; json: Json }) => [status, json.error.code]
    const oneself = await follow(anna, anna)
    expect(codeOf(oneself)).toEqual([400, 'INVALID_CONFIG'])
    expect(oneself.json.error.details).toEqual([{ field: 'user_id', message: 'must be another user' }])
    const unknown = await as(anna, 'POST', '/follows', { user_id: '01890000-0000-7000-8000-000000000000' })
    expect(codeOf(unknown)).toEqual([404, 'USER_NOT_FOUND'])
    expect(codeOf(await follow(undefined))).toEqual([401, 'UNAUTHORIZED'])
    for (const body of [{}, { user_id: 7 }, { user_id: '' }, { user_id: idOf(owner), more: 1 }]) {
      expect(codeOf(await as(anna, 'POST', '/follows', body))).toEqual([400, 'INVALID_CONFIG'])
    }
    expect(codeOf(await as(anna, 'DELETE', '/follows/none'))).toEqual([404, 'FOLLOW_NOT_FOUND'])
    expect((await as(undefined, 'GET', `/users/none/followers`)).status).toBe(404)
  })

  it('are pages with a cursor, in the export, and go with the account', async () => {
    const fans: TestUser[] = []
    for (const n of [1, 2, 3]) fans.push(await signUp(gateway.api, `fan-${n}`))
    for (const fan of fans) await follow(fan, ben)
    const first = await as(undefined, 'GET', `/users/${idOf(ben)}/followers?limit=2`)
    expect(first.json.users).toMatchObject([
      { username: 'fan-3', followed_at: expect.any(String) },
      { username: 'fan-2' },
    ])
    const next = `/users/${idOf(ben)}/followers?limit=2&cursor=${first.json.next_cursor}`
    expect((await as(undefined, 'GET', next)).json).toMatchObject({ users: [{ username: 'fan-1' }], next_cursor: null })
    expect((await as(undefined, 'GET', `/users/${idOf(ben)}/followers?cursor=x`)).status).toBe(400)
    expect(await usersOf(`/users/${idOf(fans[0])}/following`)).toEqual(['ben'])
    const exported = await as(fans[0], 'GET', '/users/me/export')
    expect(exported.json.following).toMatchObject([{ user_id: idOf(ben), username: 'ben' }])
    await as(fans[0], 'DELETE', '/users/me', { password: 'correct horse battery' })
    expect(await usersOf(`/users/${idOf(ben)}/followers`)).toEqual(['fan-3', 'fan-2'])
  })

  it('let followers see, find, read and write what is for them, and others not', async () => {
    const id = await create()
    const { json: made } = await follow(anna)
    const listed = async (who: TestUser | undefined) =>
      (await as(who, 'GET', `/streams?user=owner-of-all`)).json.streams.some((one: Json) => one.stream_id === id)
    const all = async (who: TestUser | undefined) => [
      (await as(who, 'GET', `/streams/${id}`)).status,
      (await as(who, 'GET', `/streams/${id}/messages`)).status,
      (await as(who, 'POST', `/streams/${id}/messages`, { text: 'Hello' })).status,
      await listed(who),
    ]
    expect(await all(anna)).toEqual([200, 200, 201, true])
    expect(await all(ben)).toEqual([404, 404, 404, false])
    expect((await as(undefined, 'GET', `/streams/${id}`)).status).toBe(404)
    // A broadcast that is private is not for followers.
    const hidden = await create({ visibility: 'private' })
    expect((await as(anna, 'GET', `/streams/${hidden}`)).status).toBe(404)
    await as(anna, 'DELETE', `/follows/${made.follow_id}`)
    expect(await all(anna)).toEqual([404, 404, 404, false])
  })

  it('find the schedule of a channel in its order, also as a calendar', async () => {
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
    await create({ title: 'Later', visibility: 'public', scheduled_for: inHours(2) })
    await create({ title: 'Soon, with friends', scheduled_for: inHours(1) })
    await create({ title: 'Secret', visibility: 'unlisted', scheduled_for: inHours(3) })
    const { json: made } = await follow(anna)
    const path = `/users/${idOf(owner)}/schedule`
    const titles = async (who: TestUser | undefined) =>
      (await as(who, 'GET', path)).json.streams.map((one: Json) => one.title)
    expect([await titles(anna), await titles(undefined)]).toEqual([['Soon, with friends', 'Later'], ['Later']])
    const calendar = await as(anna, 'GET', `${path}.ics`)
    expect(calendar.headers.get('content-type')).toBe('text/calendar; charset=utf-8')
    expect(calendar.text.match(/^SUMMARY:.*$/gm)).toEqual([
      String.raw`SUMMARY:owner-of-all: Soon\, with friends`,
      'SUMMARY:owner-of-all: Later',
    ])
    expect((await as(undefined, 'GET', `${path}.ics`)).text).not.toContain('friends')
    expect((await as(undefined, 'GET', '/users/none/schedule')).status).toBe(404)
    await as(anna, 'DELETE', `/follows/${made.follow_id}`)
  })

  it('bring notices, also as server-sent events', async () => {
    const { json: made } = await follow(ben)
    using events = await openEventSource(`${gateway.url}/api/v1/notifications/stream`, ben?.headers)
    await until(() => events.events.length > 0, 'the stream has begun')
    await create({ title: 'Planned', scheduled_for: new Date(Date.now() + 3_600_000).toISOString() })
    await until(async () => {
      await tick()
      return events.events.some(({ event, data }) => event === 'notice' && data.stream.title === 'Planned')
    }, 'the notice is there')
    expect((await as(ben, 'GET', '/notifications')).json.unread_count).toBeGreaterThan(0)
    await as(ben, 'DELETE', `/follows/${made.follow_id}`)
  })

  it('that end take away the player and the events, also those that are open', async () => {
    const { json: stream } = await as(owner, 'POST', '/streams', { title: 'On the air', visibility: 'followers' })
    const id: string = stream.stream_id
    await until(async () => {
      await tick()
      return (await gateway.workers()).includes('ingest-0')
    }, 'the ingest worker is launched')
    const { session } = await (await claimIngest(gateway.url)).publish(stream.stream_key)
    await (await claimBroadcast(gateway.url, id)).encode(session, 3)
    const { json: made } = await follow(anna)
    const play = async (who: TestUser | undefined) => (await as(who, 'GET', `/streams/${id}`)).json.playback_url
    const statusOf = async (url: string) => (await fetch(`${gateway.url}${url}`)).status
    const [own, followed]: string[] = [await play(owner), await play(anna)]
    expect([await statusOf(own ?? ''), await statusOf(followed ?? '')]).toEqual([200, 200])
    expect(await statusOf((followed ?? '').replace(idOf(anna), idOf(ben)))).toBe(404)
    using events = await openEventSource(`${gateway.url}/api/v1/streams/${id}/events?monitor=`, anna?.headers)
    await until(() => events.events.length > 0, 'the events have begun')
    await as(anna, 'DELETE', `/follows/${made.follow_id}`)
    await events.ended
    await until(async () => (await statusOf(followed ?? '')) === 404, 'the address plays no more')
    expect(await statusOf(own ?? '')).toBe(200)
    await as(owner, 'PUT', `/streams/${id}/end`)
  })

  it.runIf(runtime === 'node')(
    'that end, or a broadcast that becomes one for followers, close sockets of chats',
    async () => {
      const id = await create({ visibility: 'public' })
      const { json: made } = await follow(anna)
      using follower = await openChatClient(gateway.url, id, anna)
      using stranger = await openChatClient(gateway.url, id, ben)
      using visitor = await openChatClient(gateway.url, id)
      await as(owner, 'PATCH', `/streams/${id}`, { visibility: 'followers' })
      await until(() => stranger.closed() !== null && visitor.closed() !== null, 'the others are out')
      expect([stranger.closed()?.code, visitor.closed()?.code, follower.closed()]).toEqual([4404, 4404, null])
      await as(anna, 'DELETE', `/follows/${made.follow_id}`)
      await until(() => follower.closed() !== null, 'the follower of before is out')
      expect(follower.closed()?.code).toBe(4404)
    },
  )

  it('are limited in a short time', async () => {
    const late = await signUp(gateway.api, 'late')
    expect((await follow(late)).status).toBe(201)
    await gateway.database.sql`update login_failures set failures = 200`
    const refused = await follow(late, ben)
    expect([refused.status, refused.json.error.code]).toEqual([429, 'FOLLOW_LIMITED'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await follow(late)).status).toBe(201)
  })
})
