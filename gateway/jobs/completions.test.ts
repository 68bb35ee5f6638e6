import { describe, expect, it } from 'vitest'

import { AN_OUTPUT, jobReportOf } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT, type PlayedWorker } from '../testing/played-jobs.ts'
import { TEST_SETTINGS } from '../testing/test-gateway.ts'
import { createCompletions } from './completions.ts'

const done = { state: 'done', progress: 100, output: AN_OUTPUT } as const

describe('workers that are done at the same moment', () => {
  const start = () =>
    startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 3, maxConcurrent: 2 } } })

  async function startThree() {
    const played = await start()
    const ids = [await played.post(), await played.post(), await played.post()]
    const workers: PlayedWorker[] = []
    for (const id of ids) workers.push(await played.claim(id))
    return { played, ids, workers }
  }

  it('take as much as each has room for of what waits, nothing twice, and are all heard', async () => {
    const { played, ids, workers } = await startThree()
    await using _ = played
    const waiting = [await played.post(), await played.post(), await played.post(), await played.post()]
    const rooms = [2, 0, 1]
    const answers = await Promise.all(workers.map((worker, i) => worker.tell({ ...done, room: rooms[i] ?? 0 })))
    const given = answers.map(({ json }): string[] => json.next.map((next: { task_id: string }) => next.task_id))
    expect(given.map((next) => next.length)).toEqual(rooms)
    expect(new Set(given.flat())).toEqual(new Set(waiting.slice(0, 3)))
    for (const id of ids) expect(await played.job(id)).toMatchObject({ status: 'completed', progress: 100 })
    const { sql } = played.gateway.database
    for (const [i, worker] of workers.entries()) {
      const carried = await sql`select id from assignments where host = ${`encode-${worker.taskId}-1`}`
      expect(new Set(carried.map(({ id }) => id))).toEqual(new Set(given[i]))
    }
  })

  it('are heard once where the same report comes twice', async () => {
    const { played, workers } = await startThree()
    await using _ = played
    const [twice] = workers
    const first = twice?.tell(done)
    const answers = await Promise.all([first, twice?.repeat(), ...workers.slice(1).map((worker) => worker.tell(done))])
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, 200, 200])
    expect(answers.filter((answer) => answer?.json.duplicate)).toHaveLength(1)
  })

  it('do not wait for one whose job somebody else has in hand', async () => {
    const { played, ids, workers } = await startThree()
    await using _ = played
    const { sql } = played.gateway.database
    const told: Promise<unknown>[] = []
    await sql.begin(async (other) => {
      await other`select from assignments where id = ${ids[0] ?? ''} for update`
      await other`select from jobs where id = ${ids[1] ?? ''} for update`
      for (const worker of workers.slice(0, 2)) told.push(worker.tell(done))
      const isWaiting = async () => (await sql`select from pg_locks where not granted`).length
      await expect.poll(isWaiting, WAIT).toBe(2)
      expect(await workers[2]?.tell(done)).toMatchObject({ status: 200 })
      expect(await played.job(ids[2] ?? '')).toMatchObject({ status: 'completed' })
    })
    for (const answer of await Promise.all(told)) expect(answer).toMatchObject({ status: 200 })
    for (const id of ids) expect(await played.job(id)).toMatchObject({ status: 'completed' })
  })

  it('pay nothing for one whose report the database cannot take', async () => {
    const { played, ids, workers } = await startThree()
    await using _ = played
    const { sql } = played.gateway.database
    await sql`alter table jobs add constraint no_luck check (id <> ${sql.unsafe(`'${ids[0]}'`)} or status <> 'completed')`
    const answers = await Promise.all(workers.map((worker) => worker.tell(done)))
    expect(answers.map(({ status }) => status)).toEqual([500, 200, 200])
  })

  /** Their reports to `createCompletions`, where the first is on its way and all others wait to go together. */
  async function startTogether() {
    const { played, ids, workers } = await startThree()
    const completions = createCompletions(played.gateway.gateway.context)
    const [first, second, third] = workers.map(({ taskId, epoch }) => () => {
      const report = { ...jobReportOf(epoch, 1, done), worker: `encode-${taskId}-1` }
      return completions({ taskId, report, room: 0 })
    })
    if (!first || !second || !third) throw new Error('there are not three workers')
    return { played, ids, tell: [first, second, third] as const }
  }

  it('count once where the same report waits twice', async () => {
    const { played, ids, tell } = await startTogether()
    await using _ = played
    const [first, second] = tell
    const told = await Promise.all([first(), second(), second()])
    expect(told).toEqual([{ jobId: ids[0], next: [] }, { jobId: ids[1], next: [] }, null])
  })

  it('go one by one where they cannot go together', async () => {
    const { played, ids, tell } = await startTogether()
    await using _ = played
    const { sql } = played.gateway.database
    await sql`alter table jobs add constraint no_luck check (id <> ${sql.unsafe(`'${ids[1]}'`)} or status <> 'completed')`
    const [first, second, third] = tell
    expect(await Promise.all([first(), second(), third()])).toEqual([{ jobId: ids[0], next: [] }, null, null])
  })
})
