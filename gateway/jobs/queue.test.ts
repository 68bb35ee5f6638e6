import { describe, expect, it } from 'vitest'

import { openEventSource } from '../testing/event-source.ts'
import { readGatewayAndJobSettings } from '../testing/read-job-settings.ts'
import { JOB_OUTPUT } from '../testing/workers/job-reports.ts'
import { startSimulatedJobs } from '../testing/workers/simulated-jobs.ts'
import { insertAssignments } from '../workers/store/assignments.ts'
import { JOB_KIND } from './job-worker.ts'
import { publishProgress } from './publish-progress.ts'
import { startWaitingTasks } from './start-waiting-tasks.ts'
import { startJobs } from './store/jobs.ts'
import { lockTaskStarts, takeWaitingTasks } from './store/tasks.ts'

describe('the queue', () => {
  const one = async () => {
    return startSimulatedJobs({ env: { MAX_ENCODE_WORKERS: '1', MAX_QUEUED_JOBS: '5' } })
  }

  it('launches no more workers than it may, and starts jobs by priority, then age', async () => {
    await using simulation = await one()
    const first = await simulation.createJob()
    const worker = await simulation.claim(first)
    const old = await simulation.createJob()
    const young = await simulation.createJob()
    const urgent = await simulation.createJob({ priority: 5 })
    const places = async () =>
      (await Promise.all([old, young, urgent].map(simulation.job))).map(({ queue }) => queue.position)
    expect(await places()).toEqual([2, 3, 1])
    expect(simulation.launched()).toEqual([first])
    const order = [first]
    let current = worker
    for (const id of [urgent, old, young]) {
      await current.report({ state: 'done', progress: 100, output: JOB_OUTPUT })
      current = await simulation.claim(id)
      order.push(id)
      expect(simulation.launched()).toEqual(order)
    }
    expect((await simulation.job(young)).queue).toBeNull()
  })

  it('refuses jobs beyond its limit, and says when to retry', async () => {
    await using simulation = await one()
    const running = await simulation.createJob()
    await simulation.claim(running)
    for (let i = 0; i < 5; i++) await simulation.createJob()
    const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output: { path: 'x.mp4' } }
    const answer = await simulation.gateway.api('POST', '/api/v1/jobs', body)
    expect([answer.status, answer.json.error.code]).toEqual([503, 'QUEUE_FULL'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('never runs two jobs that write to the same place at a time', async () => {
    await using simulation = await startSimulatedJobs({ env: { MAX_ENCODE_WORKERS: '5' } })
    const output = { storage: 'local', path: 'same.mp4' }
    const first = await simulation.createJob({ output })
    const worker = await simulation.claim(first)
    const second = await simulation.createJob({ output })
    const other = await simulation.createJob()
    await simulation.claim(other)
    expect(simulation.launched()).toEqual([first, other])
    await worker.report({ state: 'done', progress: 100, output: JOB_OUTPUT })
    await simulation.claim(second)
  })

  it('never runs two jobs to the same place that are started at the same moment by two gateways', async () => {
    await using simulation = await one()
    const { context } = simulation.gateway.gateway
    const { sql } = simulation.gateway.database
    const output = { storage: 'local', path: 'same.mp4' }
    const worker = await simulation.claim(await simulation.createJob())
    const first = await simulation.createJob({ output })
    let told: ReturnType<typeof worker.report> | undefined
    // Another gateway is about to start the first job. To all others it still waits, behind the second one.
    await context.db.transaction(async (other) => {
      expect(await takeWaitingTasks(other, 1)).toEqual([first])
      await insertAssignments(other, JOB_KIND, [first])
      await publishProgress(other, await startJobs(other, [first], 'a worker is being started'))
      await simulation.createJob({ output, priority: 5 })
      told = worker.report({ state: 'done', progress: 100, output: JOB_OUTPUT, room: 1 })
      await expect.poll(async () => (await sql`select from pg_locks where not granted`).length).toBeGreaterThan(0)
    })
    expect(await told).toMatchObject({ status: 200, json: { next: [] } })
    await simulation.claim(first)
  })

  it('does not wait for another gateway that is starting jobs, and looks again', async () => {
    await using simulation = await one()
    const { context } = simulation.gateway.gateway
    const { sql } = simulation.gateway.database
    let id = ''
    await context.db.transaction(async (other) => {
      await lockTaskStarts(other)
      id = await simulation.createJob()
      const settings = { ...context.settings, jobs: readGatewayAndJobSettings({}).jobs }
      expect(await startWaitingTasks({ ...context, settings })).toBe(100)
      // Other databases of the same server have locks of their own.
      const waiting = sql`select from pg_locks join pg_database on pg_database.oid = database
        where datname = current_database() and locktype = 'advisory' and not granted`
      expect(await waiting).toEqual([])
      expect(simulation.launched()).toEqual([])
    })
    await simulation.claim(id)
  })

  it('cancels a waiting job without launching a worker', async () => {
    await using simulation = await one()
    const running = await simulation.createJob()
    const worker = await simulation.claim(running)
    const waiting = await simulation.createJob()
    await simulation.gateway.api('DELETE', `/api/v1/jobs/${waiting}`)
    await worker.report({ state: 'done', progress: 100, output: JOB_OUTPUT })
    const next = await simulation.createJob()
    await simulation.claim(next)
    expect(simulation.launched()).toEqual([running, next])
    expect(await simulation.job(waiting)).toMatchObject({ status: 'canceled', started_at: null })
  })
})

describe('two gateways on one database', () => {
  it('share the queue and the limit of workers, do each job once, and each answers for jobs of the other', async () => {
    const env = { MAX_ENCODE_WORKERS: '2' }
    await using one = await startSimulatedJobs({ env })
    const { database } = one.gateway
    await using two = await startSimulatedJobs({ env, database, launcher: one.launcher })
    const post = (i: number) => (i % 2 === 0 ? one : two).createJob({ output: { storage: 'local', path: `${i}.mp4` } })
    const ids = await Promise.all(Array.from({ length: 9 }, (_, i) => post(i)))

    const seen: unknown[] = []
    const ended: string[] = []
    async function work(taskId: string): Promise<void> {
      const worker = await (ended.length % 2 === 0 ? two : one).claimNext(taskId)
      await worker.report({ progress: 50 })
      const { json } = await one.gateway.api('GET', '/api/v1/workers/status')
      seen.push(json.capacity.jobs.used)
      ended.push(taskId)
      // Half of the workers take another task, the others leave it to a launched one.
      const { next } = (await worker.report({ state: 'done', output: JOB_OUTPUT, room: ended.length % 2 })).json
      for (const { task_id } of next) await work(task_id)
    }
    const begun = new Map<string, Promise<void>>()
    const goOn = () => {
      for (const id of one.launched()) if (!begun.has(id)) begun.set(id, work(id))
      return ended.length
    }
    await expect.poll(goOn, { interval: 20 }).toBe(ids.length)
    await Promise.all(begun.values())
    expect(ended.toSorted()).toEqual(ids.toSorted())
    expect(Math.max(...seen.map(Number))).toBe(2)
    for (const id of ids) expect(await two.job(id)).toMatchObject({ status: 'completed', attempts: 1 })

    const id = await one.createJob()
    const worker = await one.claim(id)
    using reader = await openEventSource(`${two.gateway.url}/api/v1/jobs/${id}/stream`)
    await worker.report({ progress: 40 })
    await expect.poll(() => reader.events.at(-1)?.data.progress).toBe(40)
    await two.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    expect((await worker.report({ progress: 41 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    await reader.ended
    expect(reader.events.at(-1)?.data.status).toBe('canceled')
  })
})
