import { describe, expect, it } from 'vitest'

import { AN_OUTPUT } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT } from '../testing/played-jobs.ts'
import { TEST_SETTINGS } from '../testing/test-gateway.ts'

describe('the queue', () => {
  const one = async () => {
    return startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 1, maxQueued: 5 } } })
  }

  it('has as many workers as it may, and gives them the first by priority, then age', async () => {
    await using played = await one()
    const first = await played.post()
    const worker = await played.claim(first)
    const old = await played.post()
    const young = await played.post()
    const urgent = await played.post({ priority: 5 })
    const places = async () =>
      (await Promise.all([old, young, urgent].map(played.job))).map(({ queue }) => queue.position)
    expect(await places()).toEqual([2, 3, 1])
    expect(played.launched()).toEqual([first])
    const order = [first]
    let current = worker
    for (const id of [urgent, old, young]) {
      await current.tell({ state: 'done', progress: 100, output: AN_OUTPUT })
      current = await played.claim(id)
      order.push(id)
      expect(played.launched()).toEqual(order)
    }
    expect((await played.job(young)).queue).toBeNull()
  })

  it('refuses more than it may hold, and says when to come again', async () => {
    await using played = await one()
    const running = await played.post()
    await played.claim(running)
    for (let i = 0; i < 5; i++) await played.post()
    const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output: { path: 'x.mp4' } }
    const answer = await played.gateway.api('POST', '/api/v1/jobs', body)
    expect([answer.status, answer.json.error.code]).toEqual([503, 'QUEUE_FULL'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('never has two jobs write to the same place at a time', async () => {
    await using played = await startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 5 } } })
    const output = { storage: 'local', path: 'same.mp4' }
    const first = await played.post({ output })
    const worker = await played.claim(first)
    const second = await played.post({ output })
    const other = await played.post()
    await played.claim(other)
    expect(played.launched()).toEqual([first, other])
    await worker.tell({ state: 'done', progress: 100, output: AN_OUTPUT })
    await played.claim(second)
  })

  it('cancels a job that waits, without ever starting a worker', async () => {
    await using played = await one()
    const running = await played.post()
    const worker = await played.claim(running)
    const waiting = await played.post()
    await played.gateway.api('DELETE', `/api/v1/jobs/${waiting}`)
    await worker.tell({ state: 'done', progress: 100, output: AN_OUTPUT })
    const next = await played.post()
    await played.claim(next)
    expect(played.launched()).toEqual([running, next])
    expect(await played.job(waiting)).toMatchObject({ status: 'canceled', started_at: null })
  })
})

describe('a worker', () => {
  const start = (jobs: object) => startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, ...jobs } } })
  const done = { state: 'done', progress: 100, output: AN_OUTPUT } as const

  it('that is done takes the next job that waits, which costs no start of another', async () => {
    await using played = await start({ maxWorkers: 1 })
    const first = await played.post()
    const worker = await played.claim(first)
    const second = await played.post()
    const answer = await worker.tell({ ...done, room: 1 })
    expect(answer.json.next).toEqual([{ task_id: second, token: expect.any(String) }])
    expect(await played.job(second)).toMatchObject({ status: 'processing' })
    const again = await played.claimNext(second)
    expect(played.launched()).toEqual([first])
    expect(
      (await played.gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name),
    ).toEqual([`encode-${first}-1`])
    expect((await again.tell({ ...done, room: 1 })).json.next).toEqual([])
    expect(await played.job(second)).toMatchObject({ status: 'completed' })
  })

  it('with room takes more beside its own where no other may be started, and is told of it until it has claimed', async () => {
    await using played = await start({ maxWorkers: 1, maxConcurrent: 2 })
    const ids = [await played.post()]
    const worker = await played.claim(ids[0] ?? '')
    for (let i = 0; i < 2; i++) ids.push(await played.post())
    expect((await worker.tell({ progress: 1, room: 1 })).json.next).toMatchObject([{ task_id: ids[1] }])
    expect((await worker.tell({ progress: 2, room: 1 })).json.next).toMatchObject([{ task_id: ids[2] }])
    expect((await worker.repeat()).json.next).toMatchObject([{ task_id: ids[1] }, { task_id: ids[2] }])
    const status = (await played.gateway.api('GET', '/api/v1/workers/status')).json
    expect(new Set(status.workers.map((one: { worker: string }) => one.worker))).toEqual(
      new Set([`encode-${ids[0]}-1`]),
    )
    expect(status.capacity.jobs).toEqual({ used: 1, limit: 1 })
    await (await played.claimNext(ids[1] ?? '')).tell(done)
    expect((await worker.tell({ progress: 3, room: 0 })).json.next).toEqual([])
  })

  it('that has failed takes no other, and what is tried again has one worker', async () => {
    await using played = await start({ maxWorkers: 1 })
    const first = await played.post()
    const worker = await played.claim(first)
    const second = await played.post()
    const failure = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
    expect((await worker.tell({ state: 'failed', failure, room: 1 })).json.next).toEqual([])
    await expect.poll(() => played.launched().filter((id) => id === first), WAIT).toHaveLength(2)
    expect(await played.job(second)).toMatchObject({ status: 'queued' })
  })

  it('that has done the last piece of a job takes what joins them, before any job that came later', async () => {
    await using played = await start({ maxWorkers: 1 })
    const split = await played.post({ chunks: 2 })
    const worker = await played.claim(split)
    await played.post()
    const plan = {
      chunks: [
        { index: 0, first_frame: 0, end_frame: 9 },
        { index: 1, first_frame: 9, end_frame: 18 },
      ],
      source: {},
    }
    const [piece] = (await worker.tell({ state: 'done', progress: 100, plan, room: 1 })).json.next
    const [other] = (await (await played.claimNext(piece.task_id)).tell({ ...done, output: null, room: 1 })).json.next
    const [join] = (await (await played.claimNext(other.task_id)).tell({ ...done, output: null, room: 1 })).json.next
    expect((await played.claimNext(join.task_id)).order).toMatchObject({ task: 'join', job_id: split })
  })

  it('leaves what waits to others as long as they may be started', async () => {
    await using played = await start({ maxWorkers: 2, maxConcurrent: 2 })
    const first = await played.post()
    const worker = await played.claim(first)
    const second = await played.post()
    expect((await worker.tell({ progress: 1, room: 1 })).json.next).toEqual([])
    await played.claim(second)
    expect(played.launched()).toEqual([first, second])
  })

  it('that dies loses all that it carries to others', async () => {
    await using played = await start({ maxWorkers: 2 })
    const first = await played.post()
    const worker = await played.claim(first)
    const other = await played.post()
    await played.claim(other)
    const second = await played.post()
    await worker.tell({ ...done, room: 1 })
    const again = await played.claimNext(second)
    played.launcher.exit(`encode-${first}-1`, { code: -1, reason: 'SIGKILL', lastLines: [] })
    await expect.poll(played.launched, WAIT).toEqual([first, other, second])
    await (await played.claim(second)).tell(done)
    expect((await again.tell({ progress: 50 })).status).toBe(409)
    expect(await played.job(second)).toMatchObject({ status: 'completed' })
  })
})
