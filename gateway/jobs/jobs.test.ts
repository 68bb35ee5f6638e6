import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { deriveWorkerToken, signCallback } from '../../shared/net/signing.ts'
import { JOB_OUTPUT } from '../testing/workers/job-reports.ts'
import { startSimulatedJobs, type SimulatedJobs } from '../testing/workers/simulated-jobs.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

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
  let simulation: SimulatedJobs
  beforeAll(async () => {
    simulation = await startSimulatedJobs({
      env: { MAX_ENCODE_WORKERS: '50' },
    })
  })
  afterAll(() => simulation[Symbol.asyncDispose]())

  const eventsOf = async (id: string) => {
    const rows = await simulation.gateway.database.sql`select event_type from outbox_events where subject = ${id}`
    return rows.map((row) => row['event_type'])
  }
  const storyOf = async (id: string) => {
    const rows = await simulation.gateway.database
      .sql`select seq, body from job_updates where job_id = ${id} order by seq`
    return rows.map((row) => ({ seq: row['seq'], ...row['body'] }))
  }

  it('is claimed by a worker with all that it has to do, and follows its reports to the end', async () => {
    const id = await simulation.createJob({
      callback_url: 'http://127.0.0.1:9/hook',
      clip: { start_sec: 1, duration_sec: 2 },
    })
    const worker = await simulation.claim(id)
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
    expect(simulation.launcher.launched.map(({ name }) => name)).toContain(`encode-${id}-1`)
    await worker.report({ progress: 40, fps: 50, speed: 2, eta_sec: 12, message: 'encoding' })
    expect(await simulation.job(id)).toMatchObject({
      status: 'processing',
      progress: 40,
      fps: 50,
      speed: 2,
      eta_sec: 12,
      attempts: 1,
    })
    await worker.report({ progress: 95, state: 'uploading', has_stored: true })
    expect(await simulation.job(id)).toMatchObject({ status: 'uploading', progress: 95 })
    expect((await worker.report({ progress: 100, state: 'done', output: JOB_OUTPUT })).status).toBe(200)
    expect(await simulation.job(id)).toMatchObject({
      status: 'completed',
      progress: 100,
      output: JOB_OUTPUT,
      error: null,
    })
    expect(await eventsOf(id)).toEqual(['job.completed'])
    const story = await storyOf(id)
    expect(story.map(({ seq }) => seq)).toEqual(story.map((_, i) => i + 1))
    expect([...new Set(story.map(({ status }) => status))]).toEqual(['queued', 'processing', 'uploading', 'completed'])
    expect(story.at(-1)).toMatchObject({ ...JOB_OUTPUT })
    expect((await worker.report({ progress: 100 })).json.error.code).toBe('ASSIGNMENT_ENDED')
  })

  it('never shows less progress than before, and publishes nothing for a report without news', async () => {
    const id = await simulation.createJob()
    const worker = await simulation.claim(id)
    for (const progress of [10, 60, 30, 60, 60]) await worker.report({ progress })
    const seen = (await storyOf(id)).map(({ progress }) => progress)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.filter((progress) => progress === 60)).toHaveLength(1)
  })

  it('with a transient failure has three attempts in all, by workers with names of their own', async () => {
    const id = await simulation.createJob()
    const first = await simulation.claim(id)
    await first.report({ state: 'uploading', progress: 92, has_stored: true })
    await first.report({ state: 'failed', failure: FAILURE })
    expect(await simulation.job(id)).toMatchObject({ status: 'processing', progress: 92, error: null })
    expect((await first.report({ progress: 99 })).json).toMatchObject({ duplicate: true })
    for (const attempt of [2, 3]) {
      await expect.poll(() => simulation.launcher.launched.map(({ name }) => name)).toContain(`encode-${id}-${attempt}`)
      const worker = await simulation.claim(id)
      expect(worker.epoch).toBe(attempt)
      expect((await first.report({ progress: 99 })).json.error.code).toBe('STALE_EPOCH')
      expect(await simulation.job(id)).toMatchObject({ attempts: attempt })
      await worker.report({ state: 'failed', failure: FAILURE })
    }
    expect(await simulation.job(id)).toMatchObject({
      status: 'failed',
      error: { code: 'UPLOAD_FAILED', message: FAILURE.message },
    })
    expect(await simulation.tasks(id, 'sweep')).toHaveLength(1)
  })

  it('is claimed only by the worker of its last launch, with a token of its own', async () => {
    const id = await simulation.createJob()
    await simulation.claim(id)
    simulation.launcher.exit(`encode-${id}-1`, { code: -1, reason: 'SIGKILL', lastLines: [] })
    await expect.poll(() => simulation.launched().filter((one) => one === id)).toHaveLength(2)
    const request = { method: 'POST', path: `/internal/v1/jobs/${id}/claim` }
    const claimant = crypto.randomUUID()
    const claim = (launch: number) =>
      simulation.gateway.callback({ id, worker: `encode-${id}-${launch}` }, request.method, request.path, { claimant })
    expect(await claim(1)).toMatchObject({ status: 409, json: { error: { code: 'STALE_EPOCH' } } })

    const body = JSON.stringify({ claimant })
    const timestamp = String(Math.floor(Date.now() / 1000))
    const key = deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'job', id, `encode-${id}-1`)
    const signature = signCallback(key, timestamp, { ...request, body })
    const headers = { 'x-timestamp': timestamp, 'x-signature-256': signature, 'x-worker-id': `encode-${id}-2` }
    expect((await simulation.gateway.api(request.method, request.path, body, headers)).status).toBe(401)

    expect(await claim(2)).toMatchObject({ status: 200, json: { epoch: 2 } })
  })

  it('with a permanent failure fails at once', async () => {
    const id = await simulation.createJob({ callback_url: 'http://127.0.0.1:9/hook' })
    const worker = await simulation.claim(id)
    const failure = { code: 'INPUT_INVALID', message: 'not a video', is_transient: false }
    await worker.report({ state: 'failed', failure })
    expect(await simulation.job(id)).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'INPUT_INVALID' } })
    expect(await eventsOf(id)).toEqual(['job.failed'])
    expect(await simulation.tasks(id, 'sweep')).toHaveLength(0)
  })

  const LOGGED = '{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","component":"encode","message":"encoding"}'

  it('whose worker dies goes to another one, and fails with the reason of the third death', async () => {
    const id = await simulation.createJob()
    for (const attempt of [1, 2, 3]) {
      const name = `encode-${id}-${attempt}`
      await expect.poll(() => simulation.launcher.launched.map((spec) => spec.name)).toContain(name)
      await simulation.claim(id)
      simulation.launcher.exit(name, { code: 137, reason: 'OOMKilled', lastLines: [LOGGED, `line ${attempt}`] })
    }
    await expect.poll(async () => (await simulation.job(id)).status).toBe('failed')
    const { error } = await simulation.job(id)
    expect(error).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: 'the worker ended (OOMKilled, exit code 137): line 3',
    })
  })

  it('is canceled once: its worker is refused and stopped, and what it stored is removed', async () => {
    const id = await simulation.createJob({ callback_url: 'http://127.0.0.1:9/hook' })
    const worker = await simulation.claim(id)
    await worker.report({ state: 'uploading', progress: 92, has_stored: true })
    const answer = await simulation.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    expect([answer.status, answer.json.status]).toEqual([200, 'canceled'])
    expect((await worker.report({ progress: 95 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    await expect.poll(() => simulation.launcher.stopped).toContain(`encode-${id}-1`)
    expect((await simulation.gateway.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
    expect(await eventsOf(id)).toEqual(['job.canceled'])
    const [cleanup = ''] = await simulation.tasks(id, 'sweep')
    await simulation.gateway.database.sql`update job_tasks set due_at = now() where id = ${cleanup}`
    simulation.gateway.gateway.context.wake()
    const cleaner = await simulation.claim(cleanup)
    expect(cleaner.order).toMatchObject({ task: 'sweep', job_id: id, parts_key: `.tallylight/${id}/` })
    expect((await cleaner.report({ state: 'done', progress: 100 })).status).toBe(200)
    expect(await simulation.tasks(id, 'sweep')).toEqual([])
    expect(await simulation.job(id)).toMatchObject({ status: 'canceled' })
  })

  it('that is canceled while its worker is being launched leaves no assignment behind', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const id = await simulation.createJob()
        await simulation.gateway.api('DELETE', `/api/v1/jobs/${id}`)
        return id
      }),
    )
    const left = () => simulation.gateway.database.sql`
      select a.id from assignments a join job_tasks t on t.id = a.id
      where a.ended_at is null and t.job_id = any(${ids})`
    await expect.poll(left).toHaveLength(0)
  })

  it('that has ended when its worker is done hands no other task over to that worker', async () => {
    const id = await simulation.createJob()
    const worker = await simulation.claim(id)
    await simulation.gateway.database
      .sql`update jobs set status = 'canceled', ended_at = now(), last_seq = last_seq + 1 where id = ${id}`
    await simulation.gateway.database
      .sql`insert into job_updates select id, last_seq, json_build_object('status', 'canceled') from jobs where id = ${id}`
    const answer = await worker.report({ state: 'done', progress: 100, output: JOB_OUTPUT, room: 1 })
    expect(answer.json.error.code).toBe('ASSIGNMENT_ENDED')
    const handedOver = await simulation.gateway.database
      .sql`select id from assignments where host = ${`encode-${id}-1`}`
    expect(handedOver).toHaveLength(0)
  })

  it.each([
    { fps: 1e308 },
    { fps: 1e-320 },
    { progress: 1e-320 },
    { output: { ...JOB_OUTPUT, output_url: 'javascript:alert(1)' } },
  ])('survives a report with %j', async (told) => {
    const worker = await simulation.claim(await simulation.createJob())
    expect((await worker.report({ state: 'done', output: JOB_OUTPUT, ...told })).status).toBeLessThan(500)
  })

  it('fails when its timeout has passed', async () => {
    const id = await simulation.createJob({ timeout_sec: 1 })
    const worker = await simulation.claim(id)
    await expect.poll(async () => (await simulation.job(id)).status).toBe('failed')
    expect((await simulation.job(id)).error.code).toBe('JOB_TIMEOUT')
    expect((await worker.report({})).status).toBe(409)
  })

  it('that is split has a task for each chunk, is joined when all are done, and then cleaned up', async () => {
    const id = await simulation.createJob({ chunks: 3 })
    const splitter = await simulation.claim(id)
    expect(splitter.order).toMatchObject({ chunks: 3 })
    await splitter.report({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    expect(await simulation.job(id)).toMatchObject({ status: 'processing', progress: 10 })
    const pieces = await simulation.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => simulation.claim(piece)))
    expect(workers.map(({ order }) => order.chunk)).toEqual(PLAN.chunks)
    for (const worker of workers) await worker.report({ progress: 50, fps: 20, speed: 1 })
    expect(await simulation.job(id)).toMatchObject({ progress: 47.5, fps: 60, speed: 3 })
    await Promise.all(workers.map((worker) => worker.report({ state: 'done', progress: 100 })))
    const [join = ''] = await simulation.tasks(id, 'join')
    const joiner = await simulation.claim(join)
    expect(joiner.order).toMatchObject({ task: 'join', plan: PLAN })
    await joiner.report({ state: 'done', progress: 100, output: JOB_OUTPUT })
    expect(await simulation.job(id)).toMatchObject({ status: 'completed', progress: 100 })
    const [cleanup = ''] = await simulation.tasks(id, 'sweep')
    const cleaner = await simulation.claim(cleanup)
    expect(cleaner.order).toMatchObject({ task: 'tidy', parts_key: `.tallylight/${id}/` })
    await cleaner.report({ state: 'done', progress: 100 })
    expect([await simulation.tasks(id, 'sweep'), await simulation.job(id)]).toMatchObject([[], { status: 'completed' }])
  })

  it('with a lost chunk has only that chunk encoded again', async () => {
    const id = await simulation.createJob({ chunks: 3 })
    await (await simulation.claim(id)).report({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    const pieces = await simulation.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => simulation.claim(piece)))
    for (const worker of workers.slice(1)) await worker.report({ state: 'done', progress: 100 })
    simulation.launcher.exit(`encode-${pieces[0]}-1`, { code: 1, reason: 'Error', lastLines: [] })
    await expect.poll(() => simulation.launched().filter((taskId) => taskId === pieces[0])).toHaveLength(2)
    for (const piece of pieces.slice(1))
      expect(simulation.launched().filter((taskId) => taskId === piece)).toHaveLength(1)
    expect((await workers[0]?.report({ progress: 80 }))?.status).not.toBe(500)
    expect(await simulation.job(id)).toMatchObject({ attempts: 2 })
    await (await simulation.claim(pieces[0] ?? '')).report({ state: 'done', progress: 100 })
    expect(await simulation.tasks(id, 'join')).toHaveLength(1)
    await simulation.gateway.api('DELETE', `/api/v1/jobs/${id}`)
  })

  it('fails with its first failed chunk, and its other workers are stopped', async () => {
    const id = await simulation.createJob({ chunks: 3 })
    await (await simulation.claim(id)).report({ state: 'done', progress: 100, plan: PLAN, has_stored: true })
    const pieces = await simulation.tasks(id, 'chunk')
    const workers = await Promise.all(pieces.map((piece) => simulation.claim(piece)))
    await workers[1]?.report({ state: 'failed', failure: { ...FAILURE, is_transient: false } })
    expect(await simulation.job(id)).toMatchObject({ status: 'failed', error: { code: 'UPLOAD_FAILED' } })
    expect((await workers[0]?.report({ progress: 60 }))?.status).toBe(409)
    for (const piece of pieces) await expect.poll(() => simulation.launcher.stopped).toContain(`encode-${piece}-1`)
    expect(await simulation.tasks(id, 'chunk')).toEqual([])
    expect(await simulation.tasks(id, 'sweep')).toHaveLength(1)
  })
})
