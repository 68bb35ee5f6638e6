import { describe, expect, it } from 'vitest'

import { openEventSource } from '../testing/event-source.ts'
import { AN_OUTPUT } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT } from '../testing/played-jobs.ts'
import { TEST_SETTINGS } from '../testing/test-gateway.ts'
import { insertAssignments } from '../workers/store.ts'
import { JOB_KIND } from './pod.ts'
import { startJobs } from './store.ts'
import { takeWaiting } from './tasks/store.ts'
import { tell } from './tell.ts'

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

  it('nor where two are started at the very same moment', async () => {
    await using played = await one()
    const { context } = played.gateway.gateway
    const { sql } = played.gateway.database
    const output = { storage: 'local', path: 'same.mp4' }
    const worker = await played.claim(await played.post())
    const first = await played.post({ output })
    let told: ReturnType<typeof worker.tell> | undefined
    // Another gateway is about to start the first; to all others it still waits, and the second goes before it.
    await context.db.transaction(async (other) => {
      expect(await takeWaiting(other, 1)).toEqual([first])
      await insertAssignments(other, JOB_KIND, [first])
      await tell(other, await startJobs(other, [first], 'a worker is being started'))
      await played.post({ output, priority: 5 })
      told = worker.tell({ state: 'done', progress: 100, output: AN_OUTPUT, room: 1 })
      await expect.poll(async () => (await sql`select from pg_locks where not granted`).length, WAIT).toBeGreaterThan(0)
    })
    expect(await told).toMatchObject({ status: 200, json: { next: [] } })
    await played.claim(first)
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

describe('two gateways on one database', () => {
  it('share the queue and its limit, do each job once, and answer for what the other has taken', async () => {
    const settings = { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 2 } }
    await using one = await startPlayedJobs({ settings })
    const { database } = one.gateway
    await using two = await startPlayedJobs({ settings, database, launcher: one.launcher })
    const post = (i: number) => (i % 2 === 0 ? one : two).post({ output: { storage: 'local', path: `${i}.mp4` } })
    const ids = await Promise.all(Array.from({ length: 9 }, (_, i) => post(i)))

    const seen: unknown[] = []
    const ended: string[] = []
    async function work(taskId: string): Promise<void> {
      const worker = await (ended.length % 2 === 0 ? two : one).claimNext(taskId)
      await worker.tell({ progress: 50 })
      const { json } = await one.gateway.api('GET', '/api/v1/workers/status')
      seen.push(json.capacity.jobs.used)
      ended.push(taskId)
      // Some go on with another, some leave that to one that is started anew.
      const { next } = (await worker.tell({ state: 'done', output: AN_OUTPUT, room: ended.length % 2 })).json
      for (const { task_id } of next) await work(task_id)
    }
    const begun = new Map<string, Promise<void>>()
    const goOn = () => {
      for (const id of one.launched()) if (!begun.has(id)) begun.set(id, work(id))
      return ended.length
    }
    await expect.poll(goOn, { ...WAIT, interval: 20 }).toBe(ids.length)
    await Promise.all(begun.values())
    expect(ended.toSorted()).toEqual(ids.toSorted())
    expect(Math.max(...seen.map(Number))).toBe(2)
    for (const id of ids) expect(await two.job(id)).toMatchObject({ status: 'completed', attempts: 1 })

    const id = await one.post()
    const worker = await one.claim(id)
    using reader = await openEventSource(`${two.gateway.url}/api/v1/jobs/${id}/stream`)
    await worker.tell({ progress: 40 })
    await expect.poll(() => reader.events.at(-1)?.data.progress, WAIT).toBe(40)
    await two.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    expect((await worker.tell({ progress: 41 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    await reader.ended
    expect(reader.events.at(-1)?.data.status).toBe('canceled')
  })
})
