import { describe, expect, it } from 'vitest'

import { AN_OUTPUT } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT, type PlayedJobs } from '../testing/played-jobs.ts'
import { TEST_SETTINGS } from '../testing/test-gateway.ts'
import { giveUpSweeps } from './sweeps.ts'

describe('what a job that was canceled has left in its store', () => {
  const start = () => startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 2 } } })
  const output = { storage: 'local', path: 'same.mp4' }
  const away = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
  const done = { state: 'done', progress: 100, output: AN_OUTPUT } as const

  async function leave(played: PlayedJobs): Promise<string> {
    const id = await played.post({ output })
    await (await played.claim(id)).tell({ state: 'uploading', has_stored: true })
    await played.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    return id
  }
  /** The sweep of a job that waits, which is due from now on. */
  async function due(played: PlayedJobs, jobId: string): Promise<string> {
    const { database, gateway } = played.gateway
    await database.sql`update job_tasks set due_at = now() where job_id = ${jobId} and status = 'waiting'`
    gateway.context.wake()
    return (await played.tasks(jobId, 'sweep')).join()
  }
  async function failSweep(played: PlayedJobs, jobId: string): Promise<void> {
    const sweeper = await played.claim(await due(played, jobId))
    await sweeper.tell({ state: 'failed', failure: away })
  }
  /** To ten seconds: of these some may be over. */
  const pausesOf = async ({ gateway: { database } }: PlayedJobs, jobId: string) => {
    const rows = await database.sql`
      select 10 * ceil(extract(epoch from due_at - now()) / 10)::int as sec from job_tasks
      where job_id = ${jobId} and status = 'waiting'`
    return rows.map((row) => Number(row['sec']))
  }

  it('is seen to again and again, ever more rarely, and takes up no worker in between; days later it is given up', async () => {
    await using played = await start()
    const { database, gateway } = played.gateway
    const id = await leave(played)
    await failSweep(played, id)
    expect(await pausesOf(played, id)).toEqual([20])
    const { json } = await played.gateway.api('GET', '/api/v1/workers/status')
    expect(json.capacity.jobs.used).toBe(0)
    const lost = await played.claim(await due(played, id))
    await database.sql`update assignments set attempts = 3 where id = ${lost.taskId}`
    played.launcher.exit(`encode-${lost.taskId}-1`, { code: 1, reason: 'Error', lastLines: [] })
    await expect.poll(() => pausesOf(played, id), WAIT).toEqual([40])
    await database.sql`update job_tasks set position = 50 where job_id = ${id} and status = 'waiting'`
    await failSweep(played, id)
    expect(await pausesOf(played, id)).toEqual([3600])
    await giveUpSweeps(gateway.context)
    expect(await played.tasks(id, 'sweep')).toHaveLength(1)
    await database.sql`update job_tasks set position = 100 where job_id = ${id} and status = 'waiting'`
    await giveUpSweeps(gateway.context)
    expect(await played.tasks(id, 'sweep')).toEqual([])
    expect(played.gateway.errors.join()).toContain(`.tallylight/${id}/`)
  })

  it('holds up no later job to the same place, which removes it itself; then nobody touches the place any more', async () => {
    await using played = await start()
    const id = await leave(played)
    await failSweep(played, id)
    const later = await played.claim(await played.post({ output }))
    expect(later.order.leftovers).toEqual([`.tallylight/${id}/`])
    const sweep = await due(played, id)
    await played.claim(await played.post())
    expect(played.launched()).not.toContain(sweep)
    const last = await played.post({ output })
    const { claimant } = later
    const [next] = (await later.tell({ ...done, room: 1, claimant })).json.next
    expect(next).toMatchObject({ task_id: last, claim: { order: { leftovers: [] } } })
    expect(await played.tasks(id, 'sweep')).toEqual([])
  })

  it('is still seen to where the later job to the same place fails as well, once that is over', async () => {
    await using played = await start()
    const id = await leave(played)
    await failSweep(played, id)
    const later = await played.claim(await played.post({ output }))
    await later.tell({ state: 'failed', failure: { ...away, is_transient: false } })
    const sweeper = await played.claim(await due(played, id))
    await sweeper.tell({ state: 'done', progress: 100 })
    expect(await played.tasks(id, 'sweep')).toEqual([])
  })
})
