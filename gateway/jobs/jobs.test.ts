import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { deriveWorkerToken, signCallback } from '../../shared/signing.ts'
import { AN_OUTPUT } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT, type PlayedJobs } from '../testing/played-jobs.ts'
import { TEST_KEYS, TEST_SETTINGS } from '../testing/test-gateway.ts'

const FAILURE = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
const PLAN = {
  chunks: [
    { index: 0, first_frame: 0, end_frame: 100 },
    { index: 1, first_frame: 100, end_frame: 200 },
    { index: 2, first_frame: 200, end_frame: 250 },
  ],
  source: { any: 'thing' },
}

describe('a job', () => {
  let played: PlayedJobs
  beforeAll(async () => {
    played = await startPlayedJobs({
      settings: { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 50 } },
    })
  })
  afterAll(() => played[Symbol.asyncDispose]())

  const eventsOf = async (id: string) => {
    const rows = await played.gateway.database.sql`select event_type from outbox_events where subject = ${id}`
    return rows.map((row) => row['event_type'])
  }
  const storyOf = async (id: string) => {
    const rows = await played.gateway.database.sql`select seq, body from job_updates where job_id = ${id} order by seq`
    return rows.map((row) => ({ seq: row['seq'], ...row['body'] }))
  }

  it('goes to a worker, which is told all that it is to do, and to its end by what that reports', async () => {
    const id = await played.post({ callback_url: 'http://127.0.0.1:9/hook', clip: { start_sec: 1, duration_sec: 2 } })
    const worker = await played.claim(id)
    expect(worker.order).toMatchObject({
      task: 'encode',
      job_id: id,
      input_url: 'http://127.0.0.1:9/a.mp4',
      preset_name: '720p_h264',
      preset: { container: 'mp4' },
      clip: { start_sec: 1, duration_sec: 2 },
      output: { storage: 'local', type: 'single' },
      parts_key: `.tallylight/${id}/`,
      chunks: 1,
      thumbnails: false,
    })
    expect(worker.order.time_left_ms).toBeGreaterThan(3_590_000)
    expect(played.launcher.launched.map(({ name }) => name)).toContain(`encode-${id}-1`)
    await worker.tell({ progress: 40, fps: 50, speed: 2, eta_sec: 12, message: 'encoding' })
    expect(await played.job(id)).toMatchObject({
      status: 'processing',
      progress: 40,
      fps: 50,
      speed: 2,
      eta_sec: 12,
      attempts: 1,
    })
    await worker.tell({ progress: 95, state: 'uploading', has_stored: true })
    expect(await played.job(id)).toMatchObject({ status: 'uploading', progress: 95 })
    expect((await worker.tell({ progress: 100, state: 'done', output: AN_OUTPUT })).status).toBe(200)
    expect(await played.job(id)).toMatchObject({ status: 'completed', progress: 100, output: AN_OUTPUT, error: null })
    expect(await eventsOf(id)).toEqual(['job.completed'])
    const story = await storyOf(id)
    expect(story.map(({ seq }) => seq)).toEqual(story.map((_, i) => i + 1))
    expect([...new Set(story.map(({ status }) => status))]).toEqual(['queued', 'processing', 'uploading', 'completed'])
    expect(story.at(-1)).toMatchObject({ ...AN_OUTPUT })
    expect((await worker.tell({ progress: 100 })).json.error.code).toBe('ASSIGNMENT_ENDED')
  })

  it('never shows less progress than before, whatever an attempt reports, and no update where nothing is new', async () => {
    const id = await played.post()
    const worker = await played.claim(id)
    for (const progress of [10, 60, 30, 60, 60]) await worker.tell({ progress })
    const seen = (await storyOf(id)).map(({ progress }) => progress)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.filter((progress) => progress === 60)).toHaveLength(1)
  })

  it('that fails by no fault of its input is tried three times in all, by workers with names of their own', async () => {
    const id = await played.post()
    const first = await played.claim(id)
    await first.tell({ state: 'uploading', progress: 92, has_stored: true })
    await first.tell({ state: 'failed', failure: FAILURE })
    expect(await played.job(id)).toMatchObject({ status: 'processing', progress: 92, error: null })
    expect((await first.tell({ progress: 99 })).json).toMatchObject({ duplicate: true })
    for (const attempt of [2, 3]) {
      await expect
        .poll(() => played.launcher.launched.map(({ name }) => name), WAIT)
        .toContain(`encode-${id}-${attempt}`)
      const worker = await played.claim(id)
      expect(worker.epoch).toBe(attempt)
      expect((await first.tell({ progress: 99 })).json.error.code).toBe('STALE_EPOCH')
      expect(await played.job(id)).toMatchObject({ attempts: attempt })
      await worker.tell({ state: 'failed', failure: FAILURE })
    }
    expect(await played.job(id)).toMatchObject({
      status: 'failed',
      error: { code: 'UPLOAD_FAILED', message: FAILURE.message },
    })
    expect(await played.tasks(id, 'sweep')).toHaveLength(1)
  })

  it('is claimed by the worker of its last launch alone, by a key of its own', async () => {
    const id = await played.post()
    await played.claim(id)
    played.launcher.exit(`encode-${id}-1`, { code: -1, reason: 'SIGKILL', lastLines: [] })
    await expect.poll(() => played.launched().filter((one) => one === id), WAIT).toHaveLength(2)
    const request = { method: 'POST', path: `/internal/v1/jobs/${id}/claim` }
    const claimant = crypto.randomUUID()
    const claim = (launch: number) =>
      played.gateway.callback({ id, worker: `encode-${id}-${launch}` }, request.method, request.path, { claimant })
    expect(await claim(1)).toMatchObject({ status: 409, json: { error: { code: 'STALE_EPOCH' } } })

    const body = JSON.stringify({ claimant })
    const timestamp = String(Math.floor(Date.now() / 1000))
    const key = deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'job', id, `encode-${id}-1`)
    const signature = signCallback(key, timestamp, { ...request, body })
    const headers = { 'x-timestamp': timestamp, 'x-signature-256': signature, 'x-worker-id': `encode-${id}-2` }
    expect((await played.gateway.api(request.method, request.path, body, headers)).status).toBe(401)

    expect(await claim(2)).toMatchObject({ status: 200, json: { epoch: 2 } })
  })

  it('whose input is to blame fails at once', async () => {
    const id = await played.post({ callback_url: 'http://127.0.0.1:9/hook' })
    const worker = await played.claim(id)
    const failure = { code: 'INPUT_INVALID', message: 'not a video', is_transient: false }
    await worker.tell({ state: 'failed', failure })
    expect(await played.job(id)).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'INPUT_INVALID' } })
    expect(await eventsOf(id)).toEqual(['job.failed'])
    expect(await played.tasks(id, 'sweep')).toHaveLength(0)
  })

  const LOGGED = '{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","component":"encode","message":"encoding"}'

  it('whose worker dies goes to another, and fails with the reason when three have died', async () => {
    const id = await played.post()
    for (const attempt of [1, 2, 3]) {
      const name = `encode-${id}-${attempt}`
      await expect.poll(() => played.launcher.launched.map((spec) => spec.name), WAIT).toContain(name)
      await played.claim(id)
      played.launcher.exit(name, { code: 137, reason: 'OOMKilled', lastLines: [LOGGED, `line ${attempt}`] })
    }
    await expect.poll(async () => (await played.job(id)).status, WAIT).toBe('failed')
    const { error } = await played.job(id)
    expect(error).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: 'the worker ended (OOMKilled, exit code 137): line 3',
    })
  })

  it('is cancelled by DELETE at any time, once: its worker is refused and stopped, its leftovers are seen to', async () => {
    const id = await played.post({ callback_url: 'http://127.0.0.1:9/hook' })
    const worker = await played.claim(id)
    await worker.tell({ state: 'uploading', progress: 92, has_stored: true })
    const answer = await played.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    expect([answer.status, answer.json.status]).toEqual([200, 'canceled'])
    expect((await worker.tell({ progress: 95 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    await expect.poll(() => played.launcher.stopped, WAIT).toContain(`encode-${id}-1`)
    expect((await played.gateway.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
    expect(await eventsOf(id)).toEqual(['job.canceled'])
    const [sweep = ''] = await played.tasks(id, 'sweep')
    await played.gateway.database.sql`update job_tasks set due_at = now() where id = ${sweep}`
    played.gateway.gateway.context.wake()
    const sweeper = await played.claim(sweep)
    expect(sweeper.order).toMatchObject({ task: 'sweep', job_id: id, parts_key: `.tallylight/${id}/` })
    expect((await sweeper.tell({ state: 'done', progress: 100 })).status).toBe(200)
    expect(await played.tasks(id, 'sweep')).toEqual([])
    expect(await played.job(id)).toMatchObject({ status: 'canceled' })
  })

  it('that is cancelled while its worker is being started leaves nobody at work', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const id = await played.post()
        await played.gateway.api('DELETE', `/api/v1/jobs/${id}`)
        return id
      }),
    )
    const left = () => played.gateway.database.sql`
      select a.id from assignments a join job_tasks t on t.id = a.id
      where a.ended_at is null and t.job_id = any(${ids})`
    await expect.poll(left, WAIT).toHaveLength(0)
  })

  it('that is over when its worker is done gives that worker no other', async () => {
    const id = await played.post()
    const worker = await played.claim(id)
    await played.gateway.database
      .sql`update jobs set status = 'canceled', ended_at = now(), last_seq = last_seq + 1 where id = ${id}`
    await played.gateway.database
      .sql`insert into job_updates select id, last_seq, json_build_object('status', 'canceled') from jobs where id = ${id}`
    const answer = await worker.tell({ state: 'done', progress: 100, output: AN_OUTPUT, room: 1 })
    expect(answer.json.error.code).toBe('ASSIGNMENT_ENDED')
    const hosted = await played.gateway.database.sql`select id from assignments where host = ${`encode-${id}-1`}`
    expect(hosted).toHaveLength(0)
  })

  it.each([
    { fps: 1e308 },
    { fps: 1e-320 },
    { progress: 1e-320 },
    { output: { ...AN_OUTPUT, output_url: 'javascript:alert(1)' } },
  ])('takes no harm from a report that says %j', async (told) => {
    const worker = await played.claim(await played.post())
    expect((await worker.tell({ state: 'done', output: AN_OUTPUT, ...told })).status).toBeLessThan(500)
  })

  it('is stopped when its time is over', async () => {
    const id = await played.post({ timeout_sec: 1 })
    const worker = await played.claim(id)
    await expect.poll(async () => (await played.job(id)).status, WAIT).toBe('failed')
    expect((await played.job(id)).error.code).toBe('JOB_TIMEOUT')
    expect((await worker.tell({})).status).toBe(409)
  })

  it('that is split goes to as many workers as it has pieces, and is joined when all are done', async () => {
    const id = await played.post({ chunks: 3 })
    const splitter = await played.claim(id)
    expect(splitter.order).toMatchObject({ chunks: 3 })
    await splitter.tell({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    expect(await played.job(id)).toMatchObject({ status: 'processing', progress: 10 })
    const pieces = await played.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => played.claim(piece)))
    expect(workers.map(({ order }) => order.chunk)).toEqual(PLAN.chunks)
    for (const worker of workers) await worker.tell({ progress: 50, fps: 20, speed: 1 })
    expect(await played.job(id)).toMatchObject({ progress: 47.5, fps: 60, speed: 3 })
    await Promise.all(workers.map((worker) => worker.tell({ state: 'done', progress: 100 })))
    const [join = ''] = await played.tasks(id, 'join')
    const joiner = await played.claim(join)
    expect(joiner.order).toMatchObject({ task: 'join', plan: PLAN })
    await joiner.tell({ state: 'done', progress: 100, output: AN_OUTPUT })
    expect(await played.job(id)).toMatchObject({ status: 'completed', progress: 100 })
    const [left = ''] = await played.tasks(id, 'sweep')
    const tidier = await played.claim(left)
    expect(tidier.order).toMatchObject({ task: 'tidy', parts_key: `.tallylight/${id}/` })
    await tidier.tell({ state: 'done', progress: 100 })
    expect([await played.tasks(id, 'sweep'), await played.job(id)]).toMatchObject([[], { status: 'completed' }])
  })

  it('of which one piece is lost has that piece encoded again, and no other', async () => {
    const id = await played.post({ chunks: 3 })
    await (await played.claim(id)).tell({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    const pieces = await played.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => played.claim(piece)))
    for (const worker of workers.slice(1)) await worker.tell({ state: 'done', progress: 100 })
    played.launcher.exit(`encode-${pieces[0]}-1`, { code: 1, reason: 'Error', lastLines: [] })
    await expect.poll(() => played.launched().filter((taskId) => taskId === pieces[0]), WAIT).toHaveLength(2)
    for (const piece of pieces.slice(1)) expect(played.launched().filter((taskId) => taskId === piece)).toHaveLength(1)
    expect((await workers[0]?.tell({ progress: 80 }))?.status).not.toBe(500)
    expect(await played.job(id)).toMatchObject({ attempts: 2 })
    await (await played.claim(pieces[0] ?? '')).tell({ state: 'done', progress: 100 })
    expect(await played.tasks(id, 'join')).toHaveLength(1)
    await played.gateway.api('DELETE', `/api/v1/jobs/${id}`)
  })

  it('of which a piece fails for good fails, and its other workers are stopped', async () => {
    const id = await played.post({ chunks: 3 })
    await (await played.claim(id)).tell({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    const pieces = await played.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => played.claim(piece)))
    await workers[1]?.tell({ state: 'failed', failure: { ...FAILURE, is_transient: false } })
    expect(await played.job(id)).toMatchObject({ status: 'failed', error: { code: 'UPLOAD_FAILED' } })
    expect((await workers[0]?.tell({ progress: 60 }))?.status).toBe(409)
    for (const piece of pieces) await expect.poll(() => played.launcher.stopped, WAIT).toContain(`encode-${piece}-1`)
    expect(await played.tasks(id, 'chunk')).toEqual([])
    expect(await played.tasks(id, 'sweep')).toHaveLength(1)
  })
})
