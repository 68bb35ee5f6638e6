import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { repeatWhileUnavailable, withoutOverload } from '../testing/overload.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'

const UNKNOWN_ID = 'job-01890a5d-ac96-774b-bcce-b302099a8057'
const INPUT = 'http://127.0.0.1:9/in.mp4'

function body(path: string, more: object = {}) {
  return { input_url: INPUT, preset: '720p_h264', output: { storage: 's3', path }, ...more }
}

describe.each(RUNTIMES)('the API of jobs on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { MAX_ENCODE_WORKERS: '1' })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const post = (payload: unknown, headers?: Record<string, string>) =>
    gateway.api('POST', '/api/v1/jobs', payload, headers)
  const get = (id: string) => gateway.api('GET', `/api/v1/jobs/${id}`)

  it('creates a job, and shows it with every default', async () => {
    const metadata = { show: 7, note: 'a "quote"\n%s' }
    const made = await post({ ...body('defaults.mp4'), output: { storage: 's3', path: 'defaults.mp4', metadata } })
    expect(made.status).toBe(202)
    const id = made.json.job_id
    expect(id).toMatch(/^job-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(made.json).toEqual({ job_id: id, status: 'queued', stream_url: `/api/v1/jobs/${id}/stream` })
    expect((await get(id)).json).toMatchObject({
      job_id: id,
      progress: 0,
      request: {
        input_url: INPUT,
        preset: '720p_h264',
        output: { storage: 's3', path: 'defaults.mp4', type: 'single', metadata },
        callback_url: null,
        priority: 0,
        timeout_sec: 3600,
        chunks: 1,
        clip: null,
        thumbnails: false,
      },
      media_info: null,
      validation: null,
      output: null,
      error: null,
      ended_at: null,
    })
  })

  it('creates a job with every option', async () => {
    const more = {
      callback_url: 'http://127.0.0.1:9/hook',
      priority: -100,
      timeout_sec: 60,
      chunks: 'auto',
      clip: { start_sec: 1.5, duration_sec: 2 },
      thumbnails: true,
    }
    const output = { storage: 's3', path: 'all/of/it/', type: 'dash', metadata: {} }
    const made = await post({ input_url: 's3://bucket/in.mov', preset: 'cmaf_1080p_abr', output, ...more })
    expect([made.status, made.json.error]).toEqual([202, undefined])
    const { request } = (await get(made.json.job_id)).json
    expect(request).toEqual({ input_url: 's3://bucket/in.mov', preset: 'cmaf_1080p_abr', output, ...more })
  })

  it('shows the queue positions of waiting jobs: by priority, then by age', async () => {
    const running = async () => (await gateway.api('GET', '/api/v1/jobs?status=processing')).json.jobs.length
    await expect.poll(running).toBe(1)
    const ids: string[] = []
    for (const priority of [5, 9, 5]) ids.push((await post(body(`place-${ids.length}.mp4`, { priority }))).json.job_id)
    const jobs = await Promise.all(ids.map(get))
    expect(jobs.map(({ json }) => [json.status, json.queue?.position])).toEqual([
      ['queued', 2],
      ['queued', 1],
      ['queued', 3],
    ])
    const listed = (await gateway.api('GET', '/api/v1/jobs?status=queued')).json.jobs
    expect(listed.slice(0, 3).map((job: { queue: object }) => job.queue)).toMatchObject([
      { position: 3 },
      { position: 1 },
      { position: 2 },
    ])
  })

  it('estimates when a job starts by the duration of the last jobs', async () => {
    const { job_id } = (await post(body('estimate.mp4', { priority: 100 }))).json
    const startsInSec = async () => {
      const { position, estimated_start_at } = (await get(job_id)).json.queue
      return [position, Math.round((Date.parse(estimated_start_at) - Date.now()) / 10_000) * 10]
    }
    // Before any job is completed, by the progress of running jobs.
    await gateway.database.sql`
      update jobs set started_at = now() - interval '30 s', progress = 15 where status <> 'queued'`
    expect(await startsInSec()).toEqual([1, 200])
    await gateway.database.sql`
      insert into jobs (id, status, input_url, preset_name, preset, storage, path, output_type, priority, timeout_sec,
        chunks, thumbnails, metadata, message, output, started_at, ended_at, last_seq)
      select 'job-01890a5d-ac96-774b-bcce-b302099a8058', 'completed', input_url, preset_name, preset, storage, 'past.mp4',
        output_type, 0, 1, chunks, false, '{}', '', '{}', now() - interval '100 s', now(), 0 from jobs where id = ${job_id}`
    expect(await startsInSec()).toEqual([1, 100])
    await gateway.database.sql`delete from jobs where path = 'past.mp4'`
  })

  it('lists jobs newest first, page by page, each once', async () => {
    for (const name of ['a', 'b', 'c']) await post(body(`list-${name}.mp4`))
    const seen: string[] = []
    let query = '?limit=2'
    for (let pages = 0; query !== '' && pages < 50; pages++) {
      const { json, status } = await gateway.api('GET', `/api/v1/jobs${query}`)
      expect(status).toBe(200)
      seen.push(...json.jobs.map((job: { job_id: string }) => job.job_id))
      query = json.pagination.next_cursor === null ? '' : `?limit=2&cursor=${json.pagination.next_cursor}`
    }
    expect(seen).toEqual(seen.toSorted().toReversed())
    expect(new Set(seen).size).toBe(seen.length)
    const rows = await gateway.database.sql`select count(*)::int as n from jobs`
    expect(seen).toHaveLength(rows[0]?.['n'])
  })

  it('answers the same to 100 simultaneous requests with one Idempotency-Key, and creates one job', async () => {
    const key = { 'idempotency-key': 'one-of-many' }
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => repeatWhileUnavailable(() => post(body('once.mp4'), key))),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(202)
    const reused = await post(body('another.mp4'), key)
    expect([reused.status, reused.json.error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    const rows = await gateway.database.sql`select id from jobs where path = 'once.mp4'`
    expect(rows).toHaveLength(1)
  })

  it('cancels a job once, and answers the same to later requests', async () => {
    const { job_id } = (await post(body('cancel.mp4'))).json
    const canceled = await gateway.api('DELETE', `/api/v1/jobs/${job_id}`)
    expect([canceled.status, canceled.json.status]).toEqual([200, 'canceled'])
    const again = await gateway.api('DELETE', `/api/v1/jobs/${job_id}`)
    expect(again.json).toEqual(canceled.json)
    expect((await get(job_id)).json).toMatchObject({
      status: 'canceled',
      queue: null,
      ended_at: canceled.json.ended_at,
    })
  })

  it('lists every preset with its output', async () => {
    const { status, json } = await gateway.api('GET', '/api/v1/presets')
    expect(status).toBe(200)
    const presets = new Map<string, object>(json.presets.map((preset: { name: string }) => [preset.name, preset]))
    expect(presets.size).toBe(12)
    expect(presets.get('hls_720p_abr')).toMatchObject({
      output_types: ['hls'],
      container: 'hls',
      segment_sec: 6,
      video: { codec: 'h264', renditions: [{ height: 720 }, { height: 480 }, { height: 360 }] },
    })
    expect(presets.get('cmaf_1080p_abr')).toMatchObject({ output_types: ['hls', 'dash'] })
    for (const preset of presets.values()) expect(preset).toMatchObject({ description: expect.stringMatching(/\S/) })
  })

  it.each([
    ['no URL', { input_url: '--version' }, 'INVALID_URL', 'input_url is not a URL'],
    ['a playlist', { input_url: 'http://127.0.0.1:9/x.m3u8' }, 'INVALID_URL', 'input_url is a playlist'],
    ['concat:', { input_url: 'concat:/etc/passwd|/etc/hosts' }, 'INVALID_URL', 'input_url must be an http'],
    ['file:', { input_url: 'file:///etc/passwd' }, 'INVALID_URL', 'ALLOW_FILE_INPUT'],
    ['a number as URL', { input_url: 7 }, 'INVALID_URL', 'input_url must be a URL'],
    ['a URL that is too long', { input_url: `http://a/${'x'.repeat(3000)}` }, 'INVALID_URL', '2048'],
    ['no callback', { callback_url: 's3://bucket/x' }, 'INVALID_URL', 'callback_url must be an http'],
    ['an unknown preset', { preset: '4k' }, 'UNKNOWN_PRESET', 'preset must be one of 480p_h264, 720p_h264'],
    ['constructor', { preset: 'constructor' }, 'UNKNOWN_PRESET', 'audio_aac'],
    ['__proto__', { preset: '__proto__' }, 'UNKNOWN_PRESET', 'audio_aac'],
    ['a list of presets', { preset: ['720p_h264'] }, 'UNKNOWN_PRESET', 'audio_aac'],
    ['no output', { output: null }, 'INVALID_OUTPUT', 'output must be an object'],
    ['a list as output', { output: [] }, 'INVALID_OUTPUT', 'output must be an object'],
    ['no path', { output: { storage: 's3' } }, 'INVALID_OUTPUT', 'output.path is required'],
    ['a path that climbs', { output: { storage: 's3', path: 'a/../../x.mp4' } }, 'INVALID_OUTPUT', 'output.path'],
    ['the same, escaped', { output: { storage: 's3', path: '%2e%2e/x.mp4' } }, 'INVALID_OUTPUT', 'output.path'],
    ['an absolute path', { output: { storage: 's3', path: '/x.mp4' } }, 'INVALID_OUTPUT', 'must be relative'],
    ['a NUL', { output: { storage: 's3', path: 'a\0.mp4' } }, 'INVALID_OUTPUT', 'control characters'],
    ['our own folder', { output: { storage: 's3', path: '.tallylight/x.mp4' } }, 'INVALID_OUTPUT', 'dot'],
    ['a file as set', { preset: 'hls_720p', output: { storage: 's3', path: 'x' } }, 'INVALID_OUTPUT', 'end in a slash'],
    ['a folder as file', { output: { storage: 's3', path: 'x/' } }, 'INVALID_OUTPUT', 'must not end in a slash'],
    ['another type', { output: { storage: 's3', path: 'x/', type: 'hls' } }, 'INVALID_OUTPUT', 'must be single'],
    ['no type', { output: { storage: 's3', path: 'x', type: 'zip' } }, 'INVALID_OUTPUT', 'single, hls or dash'],
    ['a store that is not set up', { output: { storage: 'ftp', path: 'x' } }, 'INVALID_OUTPUT', 'ftp needs FTP_HOST'],
    ['no store', { output: { storage: 'tape', path: 'x' } }, 'INVALID_OUTPUT', 'must be s3, ftp or local'],
    ['a list as metadata', { output: { storage: 's3', path: 'x', metadata: [] } }, 'INVALID_OUTPUT', 'output.metadata'],
    [
      '17 KiB',
      { output: { storage: 's3', path: 'x', metadata: { x: 'x'.repeat(17_000) } } },
      'INVALID_OUTPUT',
      '16 KiB',
    ],
    [
      'an unknown field of the output',
      { output: { storage: 's3', path: 'x', acl: 'public' } },
      'INVALID_OUTPUT',
      'output.acl is not',
    ],
    ['an unknown field', { ffmpeg_args: '-vf x' }, 'INVALID_CONFIG', 'ffmpeg_args is not a field'],
    ['too much priority', { priority: 101 }, 'INVALID_CONFIG', 'from -100 to 100'],
    ['half a priority', { priority: 0.5 }, 'INVALID_CONFIG', 'priority'],
    ['no time', { timeout_sec: 0 }, 'INVALID_CONFIG', 'from 1 to 86400'],
    ['two days', { timeout_sec: 172_800 }, 'INVALID_CONFIG', 'timeout_sec'],
    ['no chunk', { chunks: 0 }, 'INVALID_CONFIG', 'auto, or a whole number from 1 to 256'],
    ['many chunks', { chunks: 257 }, 'INVALID_CONFIG', 'chunks'],
    ['chunks in words', { chunks: 'many' }, 'INVALID_CONFIG', 'chunks'],
    ['half a clip', { clip: { start_sec: 1 } }, 'INVALID_CONFIG', 'clip.duration_sec is required'],
    ['an empty clip', { clip: { start_sec: 0, duration_sec: 0 } }, 'INVALID_CONFIG', 'clip.duration_sec'],
    ['a clip before the start', { clip: { start_sec: -1, duration_sec: 1 } }, 'INVALID_CONFIG', 'clip.start_sec'],
    ['an endless clip', { clip: { start_sec: 0, duration_sec: 1e300 } }, 'INVALID_CONFIG', 'clip.duration_sec'],
    ['a list as clip', { clip: [1, 2] }, 'INVALID_CONFIG', 'clip must be an object'],
    ['a word for yes', { thumbnails: 'yes' }, 'INVALID_CONFIG', 'thumbnails must be true or false'],
  ])('refuses %s with its code and field, and creates no job', async (_what, wrong, code, problem) => {
    const answer = await post(body('refused.mp4', wrong))
    expect([answer.status, answer.json.error.code]).toEqual([400, code])
    expect(answer.json.error.message).toContain(problem)
    expect(answer.json.error.details[0].message).not.toBe('')
    expect(await gateway.database.sql`select id from jobs where path = 'refused.mp4'`).toEqual([])
  })

  it('names every wrong field in one answer', async () => {
    const output = { storage: 's3', path: '..' }
    const answer = await post({ input_url: 'x', preset: 'y', output, priority: 'z', clip: 1, more: 1 })
    const fields = answer.json.error.details.map((problem: { field: string }) => problem.field)
    expect(fields.toSorted()).toEqual(['clip', 'input_url', 'more', 'output.path', 'preset', 'priority'])
  })

  it.each([
    ['broken JSON', '{"input_url":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['nothing', '', 400],
    ['JSON nested thousands of levels deep', `{"output":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, 400],
    ['more than 64 KiB', JSON.stringify({ preset: 'x'.repeat(70_000) }), 413],
    ['__proto__ as a field', `{"__proto__":{"x":1},${JSON.stringify(body('proto.mp4')).slice(1)}`, 400],
  ])('refuses a body that is %s', async (_name, text, status) => {
    expect((await post(text)).status).toBe(status)
  })

  it.each(['limit=0', 'limit=201', 'status=gone', 'cursor=forged', 'cursor=bW9uLTE', 'offset=1', 'unknown=1'])(
    'refuses the query %s',
    async (query) => {
      const answer = await gateway.api('GET', `/api/v1/jobs?${query}`)
      expect([answer.status, answer.json.error.code]).toEqual([400, 'INVALID_CONFIG'])
    },
  )

  it.each([
    ['GET', '/api/v1/jobs/job-nothing'],
    ['GET', `/api/v1/jobs/${UNKNOWN_ID}`],
    ['DELETE', `/api/v1/jobs/${UNKNOWN_ID}`],
    ['GET', `/api/v1/jobs/${UNKNOWN_ID}/stream`],
    ['GET', '/api/v1/jobs/%00/stream'],
    ['GET', "/api/v1/jobs/'%3B--"],
  ])('answers JOB_NOT_FOUND to %s %s', async (method, path) => {
    const answer = await gateway.api(method, path)
    expect([answer.status, answer.json.error.code]).toEqual([404, 'JOB_NOT_FOUND'])
    expect(answer.headers.get('content-type')).toContain('application/json')
  })

  it('answers 401 without a key, and with a wrong one', async () => {
    for (const path of ['/api/v1/jobs', '/api/v1/presets', `/api/v1/jobs/${UNKNOWN_ID}/stream`]) {
      expect((await fetch(gateway.url + path)).status).toBe(401)
      expect((await gateway.api('GET', path, undefined, { 'x-api-key': 'wrong' })).status).toBe(401)
    }
  })

  it('logs no internal error', () => expect(withoutOverload(gateway.errors)).toEqual([]))
})
