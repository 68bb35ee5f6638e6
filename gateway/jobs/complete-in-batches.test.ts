import { describe, expect, it } from 'vitest'

import { JOB_OUTPUT, buildJobReport } from '../testing/workers/job-reports.ts'
import { startSimulatedJobs, type SimulatedTaskWorker } from '../testing/workers/simulated-jobs.ts'
import { createCompleteInBatches } from './complete-in-batches.ts'

const done = { state: 'done', progress: 100, output: JOB_OUTPUT } as const

describe('completions of the same moment', () => {
  const start = () => startSimulatedJobs({ env: { MAX_ENCODE_WORKERS: '3', MAX_CONCURRENT_JOBS: '2' } })

  async function startThree() {
    const simulation = await start()
    const ids = [await simulation.createJob(), await simulation.createJob(), await simulation.createJob()]
    const workers: SimulatedTaskWorker[] = []
    for (const id of ids) workers.push(await simulation.claim(id))
    return { simulation, ids, workers }
  }

  it('all count, and each worker takes as many waiting tasks as it has room for, none of them twice', async () => {
    const { simulation, ids, workers } = await startThree()
    await using _ = simulation
    const waiting = [
      await simulation.createJob(),
      await simulation.createJob(),
      await simulation.createJob(),
      await simulation.createJob(),
    ]
    const rooms = [2, 0, 1]
    const answers = await Promise.all(workers.map((worker, i) => worker.report({ ...done, room: rooms[i] ?? 0 })))
    const given = answers.map(({ json }): string[] => json.next.map((next: { task_id: string }) => next.task_id))
    expect(given.map((next) => next.length)).toEqual(rooms)
    expect(new Set(given.flat())).toEqual(new Set(waiting.slice(0, 3)))
    for (const id of ids) expect(await simulation.job(id)).toMatchObject({ status: 'completed', progress: 100 })
    const { sql } = simulation.gateway.database
    for (const [i, worker] of workers.entries()) {
      const carried = await sql`select id from assignments where host = ${`encode-${worker.taskId}-1`}`
      expect(new Set(carried.map(({ id }) => id))).toEqual(new Set(given[i]))
    }
  })

  it('count once where the same report comes twice at the same moment', async () => {
    const { simulation, workers } = await startThree()
    await using _ = simulation
    const [twice] = workers
    const first = twice?.report(done)
    const answers = await Promise.all([
      first,
      twice?.resend(),
      ...workers.slice(1).map((worker) => worker.report(done)),
    ])
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, 200, 200])
    expect(answers.filter((answer) => answer?.json.duplicate)).toHaveLength(1)
  })

  it('do not wait for a job that another transaction has locked', async () => {
    const { simulation, ids, workers } = await startThree()
    await using _ = simulation
    const { sql } = simulation.gateway.database
    const told: Promise<unknown>[] = []
    await sql.begin(async (other) => {
      await other`select from assignments where id = ${ids[0] ?? ''} for update`
      await other`select from jobs where id = ${ids[1] ?? ''} for update`
      for (const worker of workers.slice(0, 2)) told.push(worker.report(done))
      const isWaiting = async () => (await sql`select from pg_locks where not granted`).length
      await expect.poll(isWaiting).toBe(2)
      expect(await workers[2]?.report(done)).toMatchObject({ status: 200 })
      expect(await simulation.job(ids[2] ?? '')).toMatchObject({ status: 'completed' })
    })
    for (const answer of await Promise.all(told)) expect(answer).toMatchObject({ status: 200 })
    for (const id of ids) expect(await simulation.job(id)).toMatchObject({ status: 'completed' })
  })

  it('succeed where one of them is rejected by the database', async () => {
    const { simulation, ids, workers } = await startThree()
    await using _ = simulation
    const { sql } = simulation.gateway.database
    await sql`alter table jobs add constraint no_luck check (id <> ${sql.unsafe(`'${ids[0]}'`)} or status <> 'completed')`
    const answers = await Promise.all(workers.map((worker) => worker.report(done)))
    expect(answers.map(({ status }) => status)).toEqual([500, 200, 200])
  })

  /** Completions by `createCompleteInBatches`: the first runs alone, the others wait and run as one batch. */
  async function startBatch() {
    const { simulation, ids, workers } = await startThree()
    const completeInBatches = createCompleteInBatches(simulation.gateway.gateway.context)
    const [first, second, third] = workers.map(({ taskId, epoch }) => () => {
      const report = { ...buildJobReport(epoch, 1, done), worker: `encode-${taskId}-1` }
      return completeInBatches({ taskId, report, room: 0 })
    })
    if (!first || !second || !third) throw new Error('there are not three workers')
    return { simulation, ids, complete: [first, second, third] as const }
  }

  it('count once where a batch has the same report twice', async () => {
    const { simulation, ids, complete } = await startBatch()
    await using _ = simulation
    const [first, second] = complete
    const told = await Promise.all([first(), second(), second()])
    expect(told).toEqual([{ jobId: ids[0], next: [] }, { jobId: ids[1], next: [] }, null])
  })

  it('are left to be completed alone where their batch fails', async () => {
    const { simulation, ids, complete } = await startBatch()
    await using _ = simulation
    const { sql } = simulation.gateway.database
    await sql`alter table jobs add constraint no_luck check (id <> ${sql.unsafe(`'${ids[1]}'`)} or status <> 'completed')`
    const [first, second, third] = complete
    expect(await Promise.all([first(), second(), third()])).toEqual([{ jobId: ids[0], next: [] }, null, null])
  })
})
