import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import { TEST_KEYS } from '../../testing/test-gateway.ts'
import { claimBroadcast, claimIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

describe.each(RUNTIMES)('broadcasts on %s', (runtime) => {
  let gateway: RuntimeGateway
  let ingest: SimulatedIngest
  let [owner, other]: TestUser[] = []
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, {
      INGEST_WORKERS: '1',
      RECONNECT_WINDOW: '30m',
      RTMP_URL: 'rtmp://a.example/live',
    })
    owner = await signUp(gateway.api, 'owner-of-all')
    other = await signUp(gateway.api, 'other-one')
    await until(async () => {
      // A fetch runtime does its periodic work at a tick only.
      await tick()
      return (await gateway.workers()).includes('ingest-0')
    }, 'the ingest worker is launched')
    ingest = await claimIngest(gateway.url)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const tick = () =>
    gateway.api('POST', '/internal/v1/tick', undefined, { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY })
  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const create = async (more: object = {}) => (await as(owner, 'POST', '/streams', { title: 'A show', ...more })).json
  const get = async (id: string, who = owner) => (await as(who, 'GET', `/streams/${id}`)).json

  describe('creation', () => {
    it('answers with the address of the ingest and the key, which no later answer has', async () => {
      const made = await as(owner, 'POST', '/streams', { title: '  A show ' })
      expect(made.status).toBe(201)
      expect(made.json).toMatchObject({
        title: 'A show',
        state: 'ready',
        visibility: 'public',
        latency: 'low',
        record: true,
        playback_url: null,
        ingest: { rtmp_url: 'rtmp://a.example/live' },
        stream_key: expect.stringMatching(/^sk-[0-9a-f]{32}$/),
      })
      expect(JSON.stringify(await get(made.json.stream_id))).not.toContain(made.json.stream_key)
      const [row] = await gateway.database.sql`select * from streams where stream_id = ${made.json.stream_id}`
      expect(JSON.stringify(row)).not.toContain(made.json.stream_key)
    })

    it.each([
      ['title', {}],
      ['title', { title: '' }],
      ['title', { title: 'x'.repeat(256) }],
      ['title', { title: 'a\u0000b' }],
      ['visibility', { title: 'x', visibility: 'secret' }],
      ['latency', { title: 'x', latency: 'ultra' }],
      ['dvr_sec', { title: 'x', dvr_sec: -1 }],
      ['tags', { title: 'x', tags: 'one' }],
      ['scheduled_for', { title: 'x', scheduled_for: 'tomorrow' }],
      ['state', { title: 'x', state: 'live' }],
    ])('refuses a wrong %s and names it', async (field, body) => {
      const refused = await as(owner, 'POST', '/streams', body)
      expect([refused.status, refused.json.error.code]).toEqual([400, 'INVALID_CONFIG'])
      expect(refused.json.error.message).toContain(field)
    })

    it('needs a session', async () => {
      expect((await as(undefined, 'POST', '/streams', { title: 'x' })).status).toBe(401)
    })
  })

  describe('who may see and change one', () => {
    it.each(['followers', 'private'])('%s: others do not learn that it exists', async (visibility) => {
      const { stream_id: id } = await create({ visibility })
      expect((await as(other, 'GET', `/streams/${id}`)).status).toBe(404)
      expect((await as(other, 'PUT', `/streams/${id}`, { title: 'x' })).status).toBe(404)
      expect((await as(owner, 'GET', `/streams/${id}`)).status).toBe(200)
    })

    it('unlisted: its address works, and no list of others has it', async () => {
      const { stream_id: id } = await create({ visibility: 'unlisted' })
      expect((await as(undefined, 'GET', `/streams/${id}`)).status).toBe(200)
      const idsFor = async (who: TestUser | undefined) =>
        (await as(who, 'GET', '/streams?limit=200')).json.streams.map((one: { stream_id: string }) => one.stream_id)
      expect(await idsFor(owner)).toContain(id)
      expect(await idsFor(other)).not.toContain(id)
    })

    it('only its owner changes it', async () => {
      const { stream_id: id } = await create()
      for (const [method, path, body] of [
        ['PUT', '', { title: 'Mine' }],
        ['PATCH', '', { title: 'Mine' }],
        ['POST', '/key', undefined],
        ['PUT', '/end', undefined],
        ['DELETE', '', undefined],
      ] as const) {
        expect((await as(other, method, `/streams/${id}${path}`, body)).status).toBe(403)
        expect((await as(undefined, method, `/streams/${id}${path}`, body)).status).toBe(401)
      }
      expect((await as(owner, 'PATCH', `/streams/${id}`, { title: 'New', tags: ['a'] })).json).toMatchObject({
        title: 'New',
        tags: ['a'],
      })
      expect((await as(owner, 'DELETE', `/streams/${id}`)).status).toBe(204)
      expect((await as(owner, 'GET', `/streams/${id}`)).status).toBe(404)
    })

    it.each(['x', '%00', '../users', '00000000-0000-0000-0000-000000000000'])(
      'an id that is none is not found: %s',
      async (id) => {
        expect((await as(owner, 'GET', `/streams/${encodeURIComponent(id)}`)).status).toBe(404)
      },
    )
  })

  it('lists are pages by cursor, and filter by state, owner and text', async () => {
    const category = `c-${runtime}`
    const made = [await create({ title: 'Page 1 100%', category }), await create({ title: 'Page 2 100%', category })]
    made.push(await create({ title: 'Page 3 100%', category }))
    const first = (await as(undefined, 'GET', `/streams?category=${category}&limit=2`)).json
    const second = (await as(undefined, 'GET', `/streams?category=${category}&limit=2&cursor=${first.next_cursor}`))
      .json
    const ids = [...first.streams, ...second.streams].map((one) => one.stream_id)
    expect(ids.toReversed()).toEqual(made.map((one) => one.stream_id))
    expect(second.next_cursor).toBeNull()
    const found = (await as(undefined, 'GET', `/streams?q=${encodeURIComponent('2 100%')}&user=OWNER-of-all`)).json
    expect(found.streams.map((one: { title: string }) => one.title)).toEqual(['Page 2 100%'])
    expect((await as(undefined, 'GET', '/streams?state=late')).status).toBe(400)
    expect((await as(undefined, 'GET', '/streams?cursor=x')).status).toBe(400)
    const whole = (await as(undefined, 'GET', `/streams?category=${category}&user=&q=&cursor=`)).json
    expect(whole.streams.map((one: { stream_id: string }) => one.stream_id)).toEqual(ids)
  })

  describe('an encoder', () => {
    it('with a wrong key is refused in words, and leaves nothing behind', async () => {
      const before = await gateway.workers()
      const { answer } = await ingest.publish('sk-wrong')
      expect([answer.status, answer.json.error.code]).toEqual([403, 'PUBLISH_REFUSED'])
      expect(answer.json.error.message).toContain('stream key is not valid')
      expect(await gateway.workers()).toEqual(before)
    })

    it('puts the broadcast on the air, and launches its worker, whose claim says what to do', async () => {
      const { stream_id: id, stream_key: key } = await create()
      const { session, answer } = await ingest.publish(key)
      expect(answer.json).toEqual({ stream_id: id })
      expect(await get(id)).toMatchObject({ state: 'live', started_at: expect.any(String) })
      await expect
        .poll(async () => {
          await tick()
          return gateway.workers()
        })
        .toContain(`live-${id}`)
      const { claim } = await claimBroadcast(gateway.url, id)
      expect(claim.order).toMatchObject({
        stream_id: id,
        latency: 'low',
        folder: `live/${id}/`,
        source: { session },
        known_until: null,
      })
    })

    it('is refused while another one sends, and takes over from one that is silent', async () => {
      const { stream_id: id, stream_key: key } = await create()
      const first = await ingest.publish(key)
      const second = await ingest.publish(key)
      expect(second.answer.json.error.message).toContain('another encoder is on the air')
      // Its session is not among those that have sent something.
      const verdicts = await ingest.report(id, [{ session: first.session, silent_ms: 6000 }])
      expect(verdicts.sessions).toEqual([{ session: first.session, end_reason: null, known_until_ms: null }])
      expect((await get(id)).state).toBe('reconnecting')
      await ingest.report(id, [{ session: first.session, ended: 'gone' }])
      const third = await ingest.publish(key)
      expect(third.answer.status).toBe(200)
      const after = await ingest.report(id, [{ session: first.session }, { session: third.session }])
      expect(after.sessions.map((one) => one.end_reason)).toEqual([expect.stringContaining('another encoder'), null])
    })

    it('is disconnected by a new key, and only the new one is accepted then', async () => {
      const { stream_id: id, stream_key: key } = await create()
      const { session } = await ingest.publish(key)
      const { json: renewed } = await as(owner, 'POST', `/streams/${id}/key`)
      expect((await get(id)).state).toBe('reconnecting')
      const { sessions } = await ingest.report(id, [{ session }])
      expect(sessions[0]?.end_reason).toContain('stream key was replaced')
      await ingest.report(id, [{ session, ended: 'replaced' }])
      expect((await ingest.publish(key)).answer.status).toBe(403)
      expect((await ingest.publish(renewed.stream_key)).answer.status).toBe(200)
    })

    it('cannot publish to a broadcast that has ended', async () => {
      const { stream_id: id, stream_key: key } = await create()
      await as(owner, 'PUT', `/streams/${id}/end`)
      expect((await ingest.publish(key)).answer.json.error.message).toContain('has ended')
    })

    it('of another epoch of the ingest worker is refused', async () => {
      const { stream_key: key } = await create()
      const stale = ingest
      ingest = await claimIngest(gateway.url)
      expect((await stale.publish(key)).answer.json.error.code).toBe('STALE_EPOCH')
    })
  })

  it('one whose encoder is gone waits for RECONNECT_WINDOW, ends, is closed by its worker, and has a recording', async () => {
    const { stream_id: id, stream_key: key } = await create()
    const { session } = await ingest.publish(key)
    const encoder = await claimBroadcast(gateway.url, id)
    expect(await encoder.encode(session, 3)).toMatchObject({ duplicate: false, source: { session }, is_over: false })
    const { sessions } = await ingest.report(id, [{ session }])
    expect(sessions[0]?.known_until_ms).toBe(6000)
    await ingest.report(id, [{ session, ended: 'the encoder disconnected' }])
    await gateway.database.sql`update streams set reconnecting_since = now() - interval '1 h' where stream_id = ${id}`
    await expect
      .poll(async () => {
        await tick()
        return (await get(id)).state
      })
      .toBe('ended')
    expect(await encoder.encode(session, 1, { finished_session: session })).toMatchObject({
      source: null,
      is_over: true,
    })
    const refused = await encoder.report({})
    expect(refused.json.error.code).toBe('ASSIGNMENT_ENDED')
    const { archives } = (await as(undefined, 'GET', '/archives?user=owner-of-all')).json
    expect(archives).toContainEqual(expect.objectContaining({ stream_id: id, duration: 8, title: 'A show' }))
  })

  it('one that is deleted while it is on the air, or after its end, leaves no assignment behind', async () => {
    const onAir = await create()
    const { session } = await ingest.publish(onAir.stream_key)
    const encoder = await claimBroadcast(gateway.url, onAir.stream_id)
    await encoder.encode(session, 2)
    const ended = await create()
    const last = await ingest.publish(ended.stream_key)
    const second = await claimBroadcast(gateway.url, ended.stream_id)
    await as(owner, 'PUT', `/streams/${ended.stream_id}/end`)
    await second.encode(last.session, 1, { finished_session: last.session })
    for (const { stream_id: id } of [onAir, ended]) {
      expect((await as(owner, 'DELETE', `/streams/${id}`)).status).toBe(204)
    }
    const left = () => gateway.database.sql`
      select id from assignments a where ended_at is null and kind in ('live', 'archive')
        and not exists (select from streams where 'live-' || stream_id = a.id)
        and not exists (select from archives where 'archive-' || archive_id = a.id)`
    await expect
      .poll(async () => {
        await tick()
        return left()
      })
      .toEqual([])
  })

  it('its viewers are kept by minutes for its owner; a moving picture of a list, a probe, its studio and its monitor are none', async () => {
    const { stream_id: id, stream_key: key } = await create()
    const { session } = await ingest.publish(key)
    const encoder = await claimBroadcast(gateway.url, id)
    await encoder.encode(session, 9)
    const read = async (query: string) => (await fetch(`${gateway.url}/live/${id}/1.m3u8${query}`)).text()
    const preview = await read('?preview')
    expect(preview).toContain('#EXT-X-MEDIA-SEQUENCE:4\n')
    expect(preview.match(/240\/\d+\.m4s/g)).toHaveLength(5)
    const master = async () => (await fetch(`${gateway.url}/live/${id}/master.m3u8`)).text()
    const newViewer = async () => /\?viewer=[\w-]+/.exec(await master())?.[0] ?? ''
    const events = await fetch(`${gateway.url}/api/v1/streams/${id}/events?monitor=`)
    // What a fetch runtime has seen before, it does not know.
    if (runtime === 'node') await read(await newViewer())
    const viewer = await newViewer()
    const curve = async () => {
      await read(viewer)
      await tick()
      return (await as(owner, 'GET', `/streams/${id}/viewers`)).json.viewers
    }
    await expect.poll(curve).toContainEqual({ minute: expect.stringMatching(/:00\.000Z$/), count: 1 })
    expect(await curve()).not.toContainEqual(expect.objectContaining({ count: 2 }))
    await events.body?.cancel()
    expect((await as(other, 'GET', `/streams/${id}/viewers`)).status).toBe(403)
    expect((await as(undefined, 'GET', `/streams/${id}/viewers`)).status).toBe(401)
  })

  it('each report of a live worker counts once', async () => {
    const { stream_id: id, stream_key: key } = await create()
    const { session } = await ingest.publish(key)
    const encoder = await claimBroadcast(gateway.url, id)
    await encoder.encode(session, 2)
    expect((await encoder.repeatReport()).json.duplicate).toBe(true)
    expect(await gateway.database.sql`select next_seq from streams where stream_id = ${id}`).toEqual([{ next_seq: 2 }])
    const second = await claimBroadcast(gateway.url, id)
    expect(second.claim.order.known_until).toEqual({ session, ms: 4000 })
    expect((await encoder.report({})).json.error.code).toBe('STALE_EPOCH')
  })
})
