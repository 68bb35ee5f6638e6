import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { openEventSource } from '../../testing/event-source.ts'
import { refuseWrites } from '../../testing/refuse-writes.ts'
import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'
import { deleteExpiredNotices } from './write-notices.ts'

/** Followers that no one signs in as. */
const CROWD = 3000

describe('notices of two gateways', () => {
  let first: TestGateway
  let second: TestGateway
  let ingest: SimulatedIngest
  let [owner, anna, ben]: TestUser[] = []
  beforeAll(async () => {
    first = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
    second = await startTestGateway({ database: first.database, env: { INGEST_WORKERS: '1' } })
    owner = await signUp(first.api, 'owner-of-all')
    anna = await signUp(first.api, 'anna')
    ben = await signUp(first.api, 'ben')
    ingest = await openIngest(first)
  })
  afterAll(async () => {
    await second[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    await first.database.sql`delete from streams`
    await first.database.sql`delete from follows`
  })

  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
    first.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const follow = async (who: TestUser | undefined): Promise<Json> =>
    (await as(who, 'POST', '/follows', { user_id: owner?.user.user_id })).json
  const create = async (more: object = {}): Promise<Json> =>
    (await as(owner, 'POST', '/streams', { title: 'A show', ...more })).json
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
  const noticesOf = async (who: TestUser | undefined): Promise<Json> => (await as(who, 'GET', '/notifications')).json
  const kindsOf = async (who: TestUser | undefined) =>
    (await noticesOf(who)).notifications.map(({ kind, stream }: Json) => [kind, stream.title])
  const untilDone = () =>
    until(async () => {
      const open = await first.database.sql`select from announcements where done_at is null`
      return open.length === 0
    }, 'all announcements are written')

  it('of a start come once to each of thousands, though both write, one breaks off, and the encoder comes back', async () => {
    await first.database.sql`
      insert into users (user_id, username, email, password_hash)
      select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'person-' || n, n || '@example.org', ''
      from generate_series(1, ${CROWD}) n`
    await first.database.sql`
      insert into follows (follow_id, follower_id, following_id)
      select user_id, user_id, ${owner?.user.user_id}::uuid from users where username like 'person-%'`
    const { stream_id: id, stream_key: key } = await create({ title: 'Start' })
    await Promise.all([ingest.publish(key), ingest.publish(key)])
    // As after a process that was killed in the middle: what was written is there, and the position is older.
    await until(async () => (await countNotices(id)) > 0, 'the first batch is written')
    await first.database.sql`update announcements set after_follow = null, done_at = null where stream_id = ${id}`
    await untilDone()
    const [row] = await first.database.sql`
      select count(*)::int as n, count(distinct user_id)::int as users from notifications where stream_id = ${id}`
    expect(row).toEqual({ n: CROWD, users: CROWD })
    await ingest.report(id, [{ session: randomUUID() }])
    await ingest.publish(key)
    expect(await first.database.sql`select from announcements where stream_id = ${id}`).toHaveLength(1)
    expect(first.errors).toEqual([])
  })

  const countNotices = async (id: string) => {
    const [row] = await first.database.sql<{ n: number }[]>`
      select count(*)::int as n from notifications where stream_id = ${id}`
    return row?.n ?? 0
  }

  it('come when a broadcast is planned, ten minutes before, and when it starts; not of what followers do not find', async () => {
    await follow(anna)
    for (const visibility of ['private', 'unlisted']) await create({ visibility, scheduled_for: inMinutes(5) })
    const { stream_id: id, stream_key: key } = await create({ visibility: 'followers', scheduled_for: inMinutes(60) })
    await until(async () => (await kindsOf(anna)).length === 1, 'it is planned')
    await as(owner, 'PATCH', `/streams/${id}`, { scheduled_for: inMinutes(9) })
    await until(async () => (await kindsOf(anna)).length === 2, 'it is soon')
    await ingest.publish(key)
    await until(async () => (await kindsOf(anna)).length === 3, 'it is live')
    expect(await kindsOf(anna)).toEqual(['live', 'soon', 'scheduled'].map((kind) => [kind, 'A show']))
    expect(await kindsOf(owner)).toEqual([])
    const [{ notification_id: newest, stream, read_at: readAt }] = (await noticesOf(anna)).notifications
    expect([newest, stream, readAt]).toMatchObject([expect.any(String), { stream_id: id, state: 'live' }, null])
    // Who may not watch a broadcast any more sees nothing of it.
    await as(owner, 'PATCH', `/streams/${id}`, { visibility: 'private' })
    expect(await noticesOf(anna)).toEqual({ notifications: [], next_cursor: null, unread_count: 0 })
  })

  it('of a late start come to its owner, once', async () => {
    const { stream_id: id } = await create({ scheduled_for: inMinutes(60) })
    await first.database.sql`update streams set scheduled_for = now() - interval '16 minutes' where stream_id = ${id}`
    await until(async () => (await kindsOf(owner)).length > 0, 'the owner has a notice')
    expect(await kindsOf(owner)).toEqual([['missed', 'A show']])
  })

  it('do not come from a muted channel, and not of a kind that is not wanted', async () => {
    const { follow_id: id } = await follow(anna)
    await follow(ben)
    expect((await as(anna, 'PATCH', `/follows/${id}`, { notices: false })).json.notices).toBe(false)
    expect((await as(ben, 'PATCH', `/follows/${id}`, { notices: true })).status).toBe(404)
    const chosen = await as(ben, 'PUT', '/notifications/preferences', { scheduled: false })
    expect(chosen.json).toMatchObject({ scheduled: false, soon: true, live: true })
    expect((await as(ben, 'PUT', '/notifications/preferences', { all: false })).status).toBe(400)
    const { stream_key: key } = await create({ scheduled_for: inMinutes(60) })
    await untilDone()
    await ingest.publish(key)
    await until(async () => (await kindsOf(ben)).length > 0, 'one has a notice')
    await untilDone()
    expect([await kindsOf(anna), await kindsOf(ben)]).toEqual([[], [['live', 'A show']]])
    await as(ben, 'PUT', '/notifications/preferences', { scheduled: true })
  })

  it('are pages, are read one by one or all, and belong to one user', async () => {
    await follow(anna)
    for (const title of ['one', 'two', 'three']) await create({ title, scheduled_for: inMinutes(60) })
    await until(async () => (await kindsOf(anna)).length === 3, 'three notices')
    const page = (await as(anna, 'GET', '/notifications?limit=2')).json
    expect([page.notifications.length, page.unread_count]).toEqual([2, 3])
    const rest = (await as(anna, 'GET', `/notifications?limit=2&cursor=${page.next_cursor}`)).json
    expect([rest.notifications.length, rest.next_cursor]).toEqual([1, null])
    const id = page.notifications[0].notification_id
    const wrong = await as(ben, 'PUT', `/notifications/${id}/read`)
    expect([wrong.status, wrong.json.error.code]).toEqual([404, 'NOTIFICATION_NOT_FOUND'])
    for (let i = 0; i < 2; i++) expect((await as(anna, 'PUT', `/notifications/${id}/read`)).status).toBe(204)
    expect((await noticesOf(anna)).unread_count).toBe(2)
    expect((await as(anna, 'PUT', '/notifications/read')).status).toBe(204)
    expect((await noticesOf(anna)).unread_count).toBe(0)
    expect((await as(undefined, 'GET', '/notifications')).status).toBe(401)
    expect((await as(anna, 'GET', '/notifications?cursor=x')).status).toBe(400)
  })

  it('come as server-sent events by any gateway, until the session ends', async () => {
    await follow(anna)
    using events = await openEventSource(`${second.url}/api/v1/notifications/stream`, anna?.headers)
    const unread = () => events.events.filter(({ event }) => event === 'unread').map(({ data }) => data.unread_count)
    await until(() => unread().length === 1, 'the count is there')
    await create({ title: 'Planned', scheduled_for: inMinutes(60) })
    await until(() => unread().at(-1) === 1, 'the count has changed')
    expect(events.events.find(({ event }) => event === 'notice')?.data).toMatchObject({
      kind: 'scheduled',
      stream: { title: 'Planned' },
    })
    await as(anna, 'PUT', '/notifications/read')
    await until(() => unread().at(-1) === 0, 'all are read')
    const leaving = await signUp(first.api, 'leaving')
    using other = await openEventSource(`${second.url}/api/v1/notifications/stream`, leaving.headers)
    await as(leaving, 'POST', '/auth/logout')
    await other.ended
  })

  it('are counted by the events of a broadcast, for a viewer who wants it', async () => {
    await follow(anna)
    const { stream_id: watched } = await create({ title: 'Watched' })
    const path = `${second.url}/api/v1/streams/${watched}/events?chat=off`
    using events = await openEventSource(`${path}&notices=on`, anna?.headers)
    using plain = await openEventSource(path, anna?.headers)
    const unread = () => events.events.filter(({ event }) => event === 'unread').map(({ data }) => data.unread_count)
    await until(() => unread().length === 1, 'the count is there')
    const before = unread()[0]
    await create({ title: 'Planned', scheduled_for: inMinutes(60) })
    await until(() => unread().at(-1) === before + 1, 'the count has changed')
    await as(anna, 'PUT', '/notifications/read')
    await until(() => unread().at(-1) === 0, 'all are read')
    expect(plain.events.filter(({ event }) => event === 'unread')).toEqual([])
  })

  it('of a broadcast that cannot be written hold up those of no other one', async () => {
    await follow(anna)
    const [broken, fine] = [await create({ title: 'Broken' }), await create({ title: 'Fine' })]
    {
      await using _refused = await refuseWrites(first.database.sql, {
        operation: 'insert',
        table: 'notifications',
        condition: `new.stream_id = '${broken.stream_id}'`,
      })
      for (const { stream_key: key } of [broken, fine]) await ingest.publish(key)
      await until(async () => (await kindsOf(anna)).length > 0, 'the other one is announced')
      expect(await kindsOf(anna)).toEqual([['live', 'Fine']])
    }
    await untilDone()
    expect(await kindsOf(anna)).toEqual([
      ['live', 'Broken'],
      ['live', 'Fine'],
    ])
  })

  it('are deleted after 90 days', async () => {
    await follow(anna)
    await create({ title: 'old', scheduled_for: inMinutes(60) })
    await create({ title: 'new', scheduled_for: inMinutes(60) })
    await until(async () => (await kindsOf(anna)).length === 2, 'two notices')
    const id = (await noticesOf(anna)).notifications.find(({ stream }: Json) => stream.title === 'old').notification_id
    const old = (Date.now() - 91 * 86_400_000).toString(16).padStart(12, '0')
    const renamed = `${old.slice(0, 8)}-${old.slice(8)}-7000-8000-000000000000`
    await first.database.sql`update notifications set notification_id = ${renamed} where notification_id = ${id}`
    await deleteExpiredNotices(first.gateway.context)
    expect(await kindsOf(anna)).toEqual([['scheduled', 'new']])
  })
})
