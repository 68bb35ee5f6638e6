import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { openEventSource } from '../../testing/event-source.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import type { Json } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'

describe.each(RUNTIMES)('chats on %s', (runtime) => {
  let gateway: RuntimeGateway
  let [owner, anna, ben]: TestUser[] = []
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
    owner = await signUp(gateway.api, 'owner-of-all')
    anna = await signUp(gateway.api, 'anna')
    ben = await signUp(gateway.api, 'ben')
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const create = async (more: object = {}): Promise<string> =>
    (await as(owner, 'POST', '/streams', { title: 'A show', ...more })).json.stream_id
  const say = (who: TestUser | undefined, id: string, text: string, more: object = {}) =>
    as(who, 'POST', `/streams/${id}/messages`, { text, ...more })
  const idOf = (who: TestUser | undefined) => who?.user.user_id
  const codeOf = ({ status, json }: { status: number; json: Json }) => [status, json?.error?.code]

  it('messages have one order without gaps, are in the list, and are written once for each nonce', async () => {
    const id = await create()
    const [first, again] = [await say(anna, id, 'Hello!', { nonce: 'a' }), await say(anna, id, 'Other', { nonce: 'a' })]
    expect(first.status).toBe(201)
    expect(first.json).toEqual({
      type: 'message',
      seq: 1,
      id: expect.any(String),
      user: { user_id: idOf(anna), username: 'anna', role: 'viewer' },
      text: 'Hello!',
      at: expect.any(String),
    })
    expect([again.status, again.json]).toEqual([201, first.json])
    const many = await Promise.all([1, 2, 3].map((n) => say(owner, id, `text ${n}`)))
    expect(new Set(many.map(({ json }) => json.seq))).toEqual(new Set([2, 3, 4]))
    const { json } = await as(undefined, 'GET', `/streams/${id}/messages?limit=3`)
    expect(json.messages.map(({ seq }: Json) => seq)).toEqual([2, 3, 4])
    expect(json.messages[0].user.role).toBe('owner')
    expect(json.last_seq).toBe(4)
    const rest = await as(undefined, 'GET', `/streams/${id}/messages?limit=3&cursor=${json.next_cursor}`)
    expect(rest.json).toMatchObject({ messages: [first.json], next_cursor: null })
  })

  it('server-sent events go on after Last-Event-ID, and end with the broadcast', async () => {
    const id = await create()
    await say(anna, id, 'one')
    using reader = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat?from=0`)
    await until(() => reader.events.length === 1, 'the first message is there')
    await say(ben, id, '<b>two</b>')
    await until(() => reader.events.length === 2, 'the second message is there')
    const data = reader.events.flatMap(({ data: one }) => one)
    expect(data.map(({ seq, text }: Json) => [seq, text])).toEqual([
      [1, 'one'],
      [2, '<b>two</b>'],
    ])
    expect(reader.events.map(({ id: seq }) => seq)).toEqual([1, 2])
    using later = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat/events`, { 'last-event-id': '1' })
    await until(() => later.events.length === 1, 'what followed is there')
    expect(later.events[0]?.data.text).toBe('<b>two</b>')
    await as(owner, 'PUT', `/streams/${id}/end`)
    await Promise.all([reader.ended, later.ended])
    expect(reader.events.at(-1)?.event).toBe('end')
    expect(codeOf(await say(anna, id, 'late'))).toEqual([409, 'STREAM_ENDED'])
    expect((await as(undefined, 'GET', `/streams/${id}/chat/events`)).status).toBe(204)
  })

  it('the events of a broadcast have its chat too, unless it is left out', async () => {
    const id = await create()
    using all = await openEventSource(`${gateway.url}/api/v1/streams/${id}/events?monitor=`)
    using plain = await openEventSource(`${gateway.url}/api/v1/streams/${id}/events?monitor=&chat=off`)
    await until(() => all.events.length > 0 && plain.events.length > 0, 'both have the state')
    await say(anna, id, 'one')
    await until(() => all.events.some(({ event }) => event === 'chat'), 'the message is there')
    const { json } = await as(undefined, 'GET', `/streams/${id}/messages`)
    expect(all.events.find(({ event }) => event === 'chat')?.data).toEqual(json.messages[0])
    await as(owner, 'PUT', `/streams/${id}/end`)
    await Promise.all([all.ended, plain.ended])
    expect(all.events.filter(({ event }) => event === 'chat')).toHaveLength(1)
    expect(plain.events.map(({ event }) => event)).not.toContain('chat')
  })

  it('a wrong message is refused, and the wrong field is named', async () => {
    const id = await create()
    for (const [field, body] of [
      ['text', {}],
      ['text', { text: '' }],
      ['text', { text: ' ' }],
      ['text', { text: 5 }],
      ['text', { text: 'a\nb' }],
      ['text', { text: 'a\u0000' }],
      ['text', { text: '\ud800' }],
      ['text', { text: 'x'.repeat(501) }],
      ['nonce', { text: 'x', nonce: '' }],
      ['nonce', { text: 'x', nonce: 'a b' }],
      ['type', { text: 'x', type: 'clear' }],
      ['user', { text: 'x', user: 1 }],
    ] as const) {
      const refused = await as(anna, 'POST', `/streams/${id}/messages`, body)
      expect(codeOf(refused)).toEqual([400, 'INVALID_CONFIG'])
      expect(refused.json.error.message).toContain(field)
    }
    expect((await say(anna, id, '🎉'.repeat(500))).status).toBe(201)
    expect(codeOf(await say(undefined, id, 'hello'))).toEqual([401, 'UNAUTHORIZED'])
    expect((await as(undefined, 'GET', `/streams/${id}/chat?from=x`)).status).toBe(400)
  })

  it('five messages at once are the limit of a user, and the next one may come a second later', async () => {
    const id = await create()
    for (let i = 0; i < 5; i++) expect((await say(anna, id, `${i}`)).status).toBe(201)
    const many = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => say(anna, id, `${n}`)))
    const refused = many.filter(({ status }) => status !== 201)
    expect(refused.length).toBeGreaterThan(0)
    expect(codeOf(refused[0] ?? { status: 0, json: {} })).toEqual([429, 'CHAT_LIMITED'])
    expect(refused[0]?.headers.get('retry-after')).toMatch(/^[1-5]$/)
    expect((await say(ben, id, 'not me')).status).toBe(201)
  })

  it('the chat of a private broadcast is for its owner only', async () => {
    const id = await create({ visibility: 'private' })
    for (const who of [anna, undefined]) {
      for (const path of ['messages', 'chat', 'chat/events', 'room']) {
        expect(codeOf(await as(who, 'GET', `/streams/${id}/${path}`))).toEqual([404, 'STREAM_NOT_FOUND'])
      }
    }
    expect(codeOf(await say(anna, id, 'hello'))).toEqual([404, 'STREAM_NOT_FOUND'])
    expect(codeOf(await say(anna, 'nothing', 'hello'))).toEqual([404, 'STREAM_NOT_FOUND'])
    expect((await say(owner, id, 'hello')).status).toBe(201)
  })

  it('a message is deleted by its author or a moderator, and keeps its number', async () => {
    const id = await create()
    const [own, other] = [(await say(anna, id, 'own')).json.id, (await say(owner, id, 'other')).json.id]
    expect((await as(anna, 'DELETE', `/streams/${id}/messages/${own}`)).status).toBe(204)
    expect(codeOf(await as(anna, 'DELETE', `/streams/${id}/messages/${own}`))).toEqual([404, 'MESSAGE_NOT_FOUND'])
    expect(codeOf(await as(anna, 'DELETE', `/streams/${id}/messages/${other}`))).toEqual([403, 'FORBIDDEN'])
    await as(owner, 'PUT', `/streams/${id}/moderators/ANNA`)
    expect((await as(anna, 'DELETE', `/streams/${id}/messages/${other}`)).status).toBe(204)
    using reader = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat/events?from=0`)
    await until(() => reader.events.length > 0, 'the entries are there')
    expect(reader.events[0]?.data.map(({ type, seq }: Json) => [type, seq])).toEqual([
      ['deleted', 1],
      ['deleted', 2],
      ['delete', 3],
      ['delete', 4],
    ])
    expect(JSON.stringify(reader.events)).not.toContain('other')
    expect((await as(owner, 'GET', `/streams/${id}/moderators`)).json.users).toHaveLength(1)
    await as(owner, 'DELETE', `/streams/${id}/moderators/${idOf(anna)}`)
    expect((await as(anna, 'GET', `/streams/${id}/room`)).json.role).toBe('viewer')
  })

  it('a banned user cannot write in any chat of the channel until the ban ends, and the messages are gone', async () => {
    const [id, next] = [await create(), await create()]
    await say(ben, id, 'spam')
    expect(codeOf(await as(anna, 'PUT', `/streams/${id}/bans/${idOf(ben)}`, {}))).toEqual([403, 'FORBIDDEN'])
    expect(codeOf(await as(owner, 'PUT', `/streams/${id}/bans/${idOf(owner)}`, {}))).toEqual([403, 'FORBIDDEN'])
    expect((await as(owner, 'PUT', `/streams/${id}/bans/${idOf(ben)}`, {})).status).toBe(204)
    expect((await as(owner, 'GET', `/streams/${id}/messages`)).json.messages).toEqual([])
    for (const one of [id, next]) expect(codeOf(await say(ben, one, 'more'))).toEqual([403, 'CHAT_BANNED'])
    expect((await as(ben, 'GET', `/streams/${next}/room`)).json.banned_until).toBe('forever')
    expect((await as(owner, 'GET', `/streams/${id}/bans`)).json.bans).toMatchObject([{ user: { username: 'ben' } }])
    expect((await as(owner, 'DELETE', `/streams/${id}/bans/${idOf(ben)}`)).status).toBe(204)
    expect(codeOf(await as(owner, 'DELETE', `/streams/${id}/bans/${idOf(ben)}`))).toEqual([404, 'BAN_NOT_FOUND'])
    expect((await say(ben, next, 'back')).status).toBe(201)
    await as(owner, 'PUT', `/streams/${id}/bans/ben`, { duration_sec: 1, delete_messages: false })
    await until(async () => (await say(ben, next, 'again')).status === 201, 'the time-out is over')
  })

  it('slow mode, blocked words and a pinned message are set by moderators, and taken over by the next chat', async () => {
    const id = await create()
    const { id: pinned } = (await say(owner, id, 'Read this')).json
    const settings = { slow_mode_sec: 30, blocked_words: ['darn'], pinned }
    expect(codeOf(await as(anna, 'PATCH', `/streams/${id}/room`, settings))).toEqual([403, 'FORBIDDEN'])
    const changed = await as(owner, 'PATCH', `/streams/${id}/room`, settings)
    expect(changed.json).toMatchObject({ slow_mode_sec: 30, pinned: { text: 'Read this' }, blocked_words: ['darn'] })
    expect((await as(anna, 'GET', `/streams/${id}/room`)).json).toMatchObject({ blocked_words: null, role: 'viewer' })
    expect(codeOf(await say(anna, id, 'Oh DARN.'))).toEqual([403, 'WORD_BLOCKED'])
    expect((await say(anna, id, 'Hello')).status).toBe(201)
    expect(codeOf(await say(anna, id, 'Hello'))).toEqual([429, 'CHAT_LIMITED'])
    await as(owner, 'DELETE', `/streams/${id}/messages/${pinned}`)
    expect((await as(anna, 'GET', `/streams/${id}/room`)).json.pinned).toBeNull()
    const next = await create()
    await say(owner, next, 'Hello')
    expect((await as(owner, 'GET', `/streams/${next}/room`)).json).toMatchObject({
      slow_mode_sec: 30,
      blocked_words: ['darn'],
      pinned: null,
    })
    await as(owner, 'PUT', `/streams/${next}/room`, { slow_mode_sec: 0, blocked_words: [] })
  })

  it('the pinned message of a user who is banned is taken down, for those who have the chat open too', async () => {
    const id = await create()
    await say(anna, id, 'Hello')
    const { id: pinned } = (await say(ben, id, 'Buy this')).json
    await as(owner, 'PATCH', `/streams/${id}/room`, { pinned })
    // Another setting leaves it where it is.
    expect((await as(owner, 'PATCH', `/streams/${id}/room`, { followers_only: false })).json.pinned.text).toBe(
      'Buy this',
    )
    using reader = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat/events?from=0`)
    await as(owner, 'PUT', `/streams/${id}/bans/${idOf(ben)}`, {})
    expect((await as(anna, 'GET', `/streams/${id}/room`)).json.pinned).toBeNull()
    const hasUnpinned = () => reader.events.flatMap(({ data }) => data).some(({ pinned: one }: Json) => one === null)
    await until(hasUnpinned, 'readers learn of it')
    // Neither the room that is open nor the rows have the text for a reader that comes later.
    using late = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat/events?from=0`)
    const seqs = () => late.events.flatMap(({ data }) => data).map(({ seq }: Json) => seq)
    await until(() => seqs().includes(reader.events.at(-1)?.id), 'the late reader has all of it')
    expect(JSON.stringify(late.events)).not.toContain('Buy this')
    await as(owner, 'DELETE', `/streams/${id}/bans/${idOf(ben)}`)
  })

  it('a pinned message goes with the account of its author, its copies too', async () => {
    const id = await create()
    const leaving = await signUp(gateway.api, `leaving-${runtime}`)
    const { id: pinned } = (await say(leaving, id, 'My address is')).json
    await as(owner, 'PATCH', `/streams/${id}/room`, { pinned })
    const password = { password: 'correct horse battery' }
    expect((await as(leaving, 'DELETE', `/users/${idOf(leaving)}`, password)).status).toBe(204)
    using reader = await openEventSource(`${gateway.url}/api/v1/streams/${id}/chat/events?from=0`)
    await say(owner, id, 'Hello')
    await until(
      () => reader.events.flatMap(({ data }) => data).some(({ text }: Json) => text === 'Hello'),
      'it is read',
    )
    expect(JSON.stringify(reader.events)).not.toContain('My address is')
    expect((await as(owner, 'GET', `/streams/${id}/room`)).json.pinned).toBeNull()
  })

  it('where only followers may write, others are refused until they follow', async () => {
    const id = await create()
    const changed = await as(owner, 'PATCH', `/streams/${id}/room`, { followers_only: true })
    expect([changed.status, changed.json.followers_only]).toEqual([200, true])
    expect((await say(owner, id, 'Only followers now')).status).toBe(201)
    expect(codeOf(await say(ben, id, 'Hello'))).toEqual([403, 'FOLLOWERS_ONLY'])
    const { json: follow } = await as(ben, 'POST', '/follows', { user_id: idOf(owner) })
    expect((await say(ben, id, 'Hello')).status).toBe(201)
    const next = await create()
    await say(owner, next, 'The next one')
    expect((await as(undefined, 'GET', `/streams/${next}/room`)).json.followers_only).toBe(true)
    await as(owner, 'PATCH', `/streams/${next}/room`, { followers_only: false })
    await as(ben, 'DELETE', `/follows/${follow.follow_id}`)
  })

  it('a reported message is shown to moderators as it was, once for each who reports it', async () => {
    const id = await create()
    const { id: message } = (await say(ben, id, 'rude')).json
    const report = () => as(anna, 'POST', `/streams/${id}/messages/${message}/reports`, { reason: 'Rude.' })
    expect([(await report()).status, (await report()).status]).toEqual([204, 204])
    await as(ben, 'DELETE', `/streams/${id}/messages/${message}`)
    expect(codeOf(await report())).toEqual([404, 'MESSAGE_NOT_FOUND'])
    expect(codeOf(await as(anna, 'GET', `/streams/${id}/reports`))).toEqual([403, 'FORBIDDEN'])
    const { json } = await as(owner, 'GET', `/streams/${id}/reports`)
    expect(json.reports).toMatchObject([{ message_id: message, text: 'rude', reasons: ['Rude.'] }])
  })

  it('a user blocks others, and no one is blocked twice', async () => {
    for (let i = 0; i < 2; i++) await as(anna, 'POST', '/blocks', { user_id: idOf(ben) })
    expect((await as(anna, 'GET', '/blocks')).json.users).toEqual([{ user_id: idOf(ben), username: 'ben' }])
    expect(codeOf(await as(anna, 'POST', '/blocks', { user_id: idOf(anna) }))).toEqual([400, 'INVALID_CONFIG'])
    await as(anna, 'DELETE', `/blocks/${idOf(ben)}`)
    expect((await as(anna, 'GET', '/blocks')).json.users).toEqual([])
  })
})
