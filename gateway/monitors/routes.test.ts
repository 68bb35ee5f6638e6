import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { repeatWhileUnavailable, withoutOverload } from '../testing/overload.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'

const HOOK = 'http://127.0.0.1:9/hook'
const streamAt = (name: string) => `http://127.0.0.1:9/${name}.m3u8`

function body(name: string, more: object = {}) {
  return { stream_url: streamAt(name), callback_url: HOOK, ...more }
}

describe.each(RUNTIMES)('the API of monitors on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const post = (payload: unknown, headers?: Record<string, string>) =>
    gateway.api('POST', '/api/v1/monitors', payload, headers)

  it('creates a monitor with an id that sorts by age, and shows it with every default', async () => {
    const made = await post(body('defaults', { metadata: { channel: 'main', note: 'a "quote"\n%s' } }))
    expect(made.status).toBe(201)
    expect(made.json.monitor_id).toMatch(/^mon-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(made.json.status).toBe('initializing')
    const got = await gateway.api('GET', `/api/v1/monitors/${made.json.monitor_id}`)
    expect(got.status).toBe(200)
    expect(got.json).toMatchObject({
      monitor_id: made.json.monitor_id,
      stream_url: streamAt('defaults'),
      callback_url: HOOK,
      stream_status: 'unknown',
      health: { video: 'unknown', audio: 'unknown', last_check_at: null },
      statistics: { total_segments_analyzed: 0, blackout_events: 0, silence_events: 0 },
      config: {
        check_interval_sec: 10,
        blackout_threshold_sec: 30,
        silence_threshold_sec: 30,
        silence_db_threshold: -50,
        scheduled_start_time: null,
        start_delay_tolerance_sec: 300,
        coverage: 'every',
        webhook_policy: 'strict',
      },
      metadata: { channel: 'main', note: 'a "quote"\n%s' },
    })
  })

  it('answers one of 100 identical requests with 201 and all others with the id of that one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => repeatWhileUnavailable(() => post(body('hundred')))),
    )
    const made = answers.filter((answer) => answer.status === 201)
    const refused = answers.filter((answer) => answer.status === 409)
    expect([made.length, refused.length]).toEqual([1, 99])
    for (const { json } of refused) {
      expect(json.error).toMatchObject({ code: 'DUPLICATE_MONITOR', details: { monitor_id: made[0]?.json.monitor_id } })
    }
  })

  it('takes the spellings of one YouTube video for one stream', async () => {
    expect((await post(body('x', { stream_url: 'https://www.youtube.com/watch?v=dQw4w9WgXcQ' }))).status).toBe(201)
    const spellings = [
      'https://youtu.be/dQw4w9WgXcQ?t=3',
      'http://m.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ&list=x',
      'https://youtube.com/live/dQw4w9WgXcQ?feature=share',
    ]
    for (const stream_url of spellings)
      expect((await post(body('x', { stream_url }))).json.error.code).toBe('DUPLICATE_MONITOR')
  })

  it('takes the spellings of one playlist for one stream', async () => {
    expect((await post(body('x', { stream_url: 'http://example.com/live~1/a.m3u8' }))).status).toBe(201)
    for (const path of [
      'example.com/live~1/a.m3u8?',
      'EXAMPLE.com:80/live%7E1/a.m3u8#t=3',
      'example.com./live~1/%61.m3u8',
    ]) {
      expect((await post(body('x', { stream_url: `http://${path}` }))).status).toBe(409)
    }
  })

  it('keeps a callback URL as it is requested, without what no URL can hold', async () => {
    const made = await post(body('callback-control', { callback_url: 'http://127.0.0.1:9/ho\nok\u0000' }))
    expect(made.status).toBe(201)
    const got = await gateway.api('GET', `/api/v1/monitors/${made.json.monitor_id}`)
    expect(got.json.callback_url).toBe('http://127.0.0.1:9/hook')
  })

  it('answers the same Idempotency-Key the same, also for requests at the same time', async () => {
    const headers = { 'idempotency-key': 'take-1' }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(body('idempotent'), headers)))
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]))
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
    const other = await post(body('idempotent-2'), headers)
    expect([other.status, other.json.error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    expect((await post(body('idempotent-3'), { 'idempotency-key': 'x'.repeat(300) })).status).toBe(400)
  })

  it('frees a key whose request was refused', async () => {
    const headers = { 'idempotency-key': 'take-2' }
    expect((await post(body('defaults'), headers)).status).toBe(409)
    expect((await post(body('after-refusal'), headers)).status).toBe(201)
  })

  it('stops a monitor, answers the same when repeated, and lets the stream have a new one', async () => {
    const id = (await post(body('stopping'))).json.monitor_id
    const first = await gateway.api('DELETE', `/api/v1/monitors/${id}`)
    expect(first.json).toMatchObject({ monitor_id: id, status: 'stopped' })
    expect((await gateway.api('DELETE', `/api/v1/monitors/${id}`)).text).toBe(first.text)
    expect((await post(body('stopping'))).status).toBe(201)
  })

  it('pages by offset and by cursor, newest first, with a cursor that inserts do not disturb', async () => {
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.unshift((await post(body(`page-${i}`))).json.monitor_id)
    const first = (await gateway.api('GET', '/api/v1/monitors?limit=2')).json
    expect(first.monitors.map((monitor: { monitor_id: string }) => monitor.monitor_id)).toEqual(ids.slice(0, 2))
    expect(first.pagination).toMatchObject({ limit: 2, offset: 0, total: expect.any(Number) })
    await post(body('page-late'))
    const second = (await gateway.api('GET', `/api/v1/monitors?limit=2&cursor=${first.pagination.next_cursor}`)).json
    expect(second.monitors.map((monitor: { monitor_id: string }) => monitor.monitor_id)).toEqual(ids.slice(2, 4))
    const stopped = (await gateway.api('GET', '/api/v1/monitors?status=stopped&limit=200')).json
    expect(stopped.monitors.every((monitor: { status: string }) => monitor.status === 'stopped')).toBe(true)
  })

  it('holds back a monitor whose start is far away, without a worker', async () => {
    const scheduled_start_time = new Date(Date.now() + 3_600_000).toISOString()
    const made = await post(body('later', { config: { scheduled_start_time } }))
    expect(made.json.status).toBe('scheduled')
    expect((await post(body('later'))).status).toBe(409)
  })

  it.each([
    ['no key', { 'x-api-key': '' }],
    ['a wrong key', { 'x-api-key': 'test-api-key-0123456788' }],
    ['a longer key', { 'x-api-key': 'test-api-key-0123456789x' }],
    ['another scheme', { 'x-api-key': '', authorization: 'Basic test-api-key-0123456789' }],
  ])('refuses %s', async (_name, headers) => {
    const answer = await gateway.api('GET', '/api/v1/monitors', undefined, headers)
    expect([answer.status, answer.json.error.code]).toEqual([401, 'UNAUTHORIZED'])
  })

  it('takes the key as a bearer token too', async () => {
    const answer = await fetch(`${gateway.url}/api/v1/monitors`, {
      headers: { authorization: 'Bearer test-api-key-0123456789' },
    })
    expect(answer.status).toBe(200)
  })

  it.each([
    ['stream_url', { stream_url: undefined }, 'INVALID_URL'],
    ['stream_url', { stream_url: '' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 5 }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'not a url' }, 'INVALID_URL'],
    ['stream_url', { stream_url: '--version' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'file:///etc/passwd' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'hls://file:///etc/passwd.m3u8' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'concat:a|b.m3u8' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'ytsearch:news' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'http://user:pass@127.0.0.1/a.m3u8' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'https://example.com/watch' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'https://www.youtube.com.evil.example/watch?v=dQw4w9WgXcQ' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'https://www.youtube.com/@channel/live' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'https://www.youtube.com/channel/UC1234567890' }, 'INVALID_URL'],
    ['stream_url', { stream_url: 'https://www.youtube.com/watch?v=short' }, 'INVALID_URL'],
    ['stream_url', { stream_url: `http://127.0.0.1/${'a'.repeat(2048)}.m3u8` }, 'INVALID_URL'],
    ['callback_url', { callback_url: 'ftp://127.0.0.1/hook' }, 'INVALID_URL'],
    ['callback_url', { callback_url: undefined }, 'INVALID_URL'],
    ['config.check_interval_sec', { config: { check_interval_sec: 0 } }, 'INVALID_CONFIG'],
    ['config.check_interval_sec', { config: { check_interval_sec: 1.5 } }, 'INVALID_CONFIG'],
    ['config.check_interval_sec', { config: { check_interval_sec: '10' } }, 'INVALID_CONFIG'],
    ['config.blackout_threshold_sec', { config: { blackout_threshold_sec: 3601 } }, 'INVALID_CONFIG'],
    ['config.silence_threshold_sec', { config: { silence_threshold_sec: 0.5 } }, 'INVALID_CONFIG'],
    ['config.silence_db_threshold', { config: { silence_db_threshold: 1 } }, 'INVALID_CONFIG'],
    ['config.scheduled_start_time', { config: { scheduled_start_time: '2027-02-30T00:00:00Z' } }, 'INVALID_CONFIG'],
    ['config.scheduled_start_time', { config: { scheduled_start_time: 'tomorrow' } }, 'INVALID_CONFIG'],
    ['config.scheduled_start_time', { config: { scheduled_start_time: '0001-01-01T00:00:00Z' } }, 'INVALID_CONFIG'],
    ['config.scheduled_end_time', { config: { scheduled_end_time: '9999-12-31T23:59:59-23:59' } }, 'INVALID_CONFIG'],
    ['stream_url', { stream_url: `http://127.0.0.1/${'語'.repeat(1000)}.m3u8` }, 'INVALID_URL'],
    ['callback_url', { callback_url: `http://127.0.0.1/${'語'.repeat(1000)}` }, 'INVALID_URL'],
    ['config.scheduled_end_time', { config: { scheduled_end_time: '2020-01-01T00:00:00Z' } }, 'INVALID_CONFIG'],
    ['config.start_delay_tolerance_sec', { config: { start_delay_tolerance_sec: 86_401 } }, 'INVALID_CONFIG'],
    ['config.freeze_threshold_sec', { config: { freeze_threshold_sec: -1 } }, 'INVALID_CONFIG'],
    ['config.coverage', { config: { coverage: 'some' } }, 'INVALID_CONFIG'],
    ['config.webhook_policy', { config: { webhook_policy: 'constructor' } }, 'INVALID_CONFIG'],
    ['config.unheard_of', { config: { unheard_of: 1 } }, 'INVALID_CONFIG'],
    ['config', { config: [] }, 'INVALID_CONFIG'],
    ['config', { config: null }, 'INVALID_CONFIG'],
    ['metadata', { metadata: [] }, 'INVALID_CONFIG'],
    ['metadata', { metadata: 'text' }, 'INVALID_CONFIG'],
    ['metadata', { metadata: { big: 'x'.repeat(16_384) } }, 'INVALID_CONFIG'],
    ['webhook', { webhook: 'x' }, 'INVALID_CONFIG'],
  ])('names %s where it is wrong: %j', async (field, more, code) => {
    const answer = await post(body('never', more))
    expect([answer.status, answer.json.error.code]).toEqual([400, code])
    expect(answer.json.error.details.map((problem: { field: string }) => problem.field)).toContain(field)
  })

  it('names every wrong field at once', async () => {
    const answer = await post({ callback_url: 'x', config: { coverage: 1, check_interval_sec: 999 } })
    const fields = answer.json.error.details.map((problem: { field: string }) => problem.field)
    expect(fields).toEqual(['stream_url', 'callback_url', 'config.check_interval_sec', 'config.coverage'])
  })

  it.each([
    ['broken JSON', '{"stream_url":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['nothing', '', 400],
    ['JSON nested without end', `{"metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, 400],
    ['more than 64 KiB', JSON.stringify({ metadata: { x: 'x'.repeat(70_000) } }), 413],
    ['__proto__ as a field', `{"__proto__":{"x":1},"stream_url":"${streamAt('proto')}","callback_url":"${HOOK}"}`, 400],
  ])('refuses a body that is %s', async (_name, text, status) => {
    expect((await post(text)).status).toBe(status)
  })

  it('refuses a body that is not JSON by its type', async () => {
    const answer = await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })
    expect([answer.status, answer.json.error.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
  })

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=1e2',
    'limit=-1',
    'offset=-1',
    'offset=99999999999',
    'status=gone',
    'cursor=%00',
    'cursor=forged',
    'cursor=bW9uLTE',
    'unknown=1',
    'cursor=x&offset=5',
  ])('refuses the query %s', async (query) => {
    expect((await gateway.api('GET', `/api/v1/monitors?${query}`)).status).toBe(400)
  })

  it.each([
    ['GET', '/api/v1/monitors/mon-nothing'],
    ['DELETE', '/api/v1/monitors/mon-01890a5d-ac96-774b-bcce-b302099a8057'],
    ['GET', "/api/v1/monitors/'%3B--/events"],
    ['GET', '/api/v1/monitors/%00'],
    ['POST', '/api/v1/monitors/mon-01890a5d-ac96-774b-bcce-b302099a8057/events/evt-1/redeliver'],
    ['GET', '/api/v1/nothing'],
    ['GET', '/api/v1/monitors/a%2Fb'],
  ])('answers 404 to %s %s', async (method, path) => {
    expect((await gateway.api(method, path)).status).toBe(404)
  })

  it('carries security headers and a request id, and no internals', async () => {
    const answer = await gateway.api('GET', '/api/v1/monitors')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('x-request-id')).toMatch(/\S/)
    expect(withoutOverload(gateway.errors)).toEqual([])
  })
})
