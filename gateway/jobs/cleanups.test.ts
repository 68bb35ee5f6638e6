import { describe, expect, it } from 'vitest'

import { JOB_OUTPUT } from '../testing/workers/job-reports.ts'
import { startSimulatedJobs, type SimulatedJobs } from '../testing/workers/simulated-jobs.ts'
import { giveUpCleanups } from './cleanups.ts'

describe('the cleanup of a canceled job', () => {
  const start = () => startSimulatedJobs({ env: { MAX_ENCODE_WORKERS: '2' } })
  const output = { storage: 'local', path: 'same.mp4' }
  const away = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
  const done = { state: 'done', progress: 100, output: JOB_OUTPUT } as const

  /** Cancels a job that has stored something; returns its id. */
  async function cancelStored(simulation: SimulatedJobs): Promise<string> {
    const id = await simulation.createJob({ output })
    await (await simulation.claim(id)).report({ state: 'uploading', has_stored: true })
    await simulation.gateway.api('DELETE', `/api/v1/jobs/${id}`)
    return id
  }
  /** Makes the waiting cleanup of a job due; returns its task. */
  async function makeDue(simulation: SimulatedJobs, jobId: string): Promise<string> {
    const { database, gateway } = simulation.gateway
    await database.sql`update job_tasks set due_at = now() where job_id = ${jobId} and status = 'waiting'`
    gateway.context.wake()
    return (await simulation.tasks(jobId, 'sweep')).join()
  }
  async function failCleanup(simulation: SimulatedJobs, jobId: string): Promise<void> {
    const cleaner = await simulation.claim(await makeDue(simulation, jobId))
    await cleaner.report({ state: 'failed', failure: away })
  }
  /** Seconds until the waiting cleanup is due, rounded up to ten. */
  const pausesOf = async ({ gateway: { database } }: SimulatedJobs, jobId: string) => {
    const rows = await database.sql`
      select 10 * ceil(extract(epoch from due_at - now()) / 10)::int as sec from job_tasks
      where job_id = ${jobId} and status = 'waiting'`
    return rows.map((row) => Number(row['sec']))
  }

  it('is retried with growing pauses, occupies no worker in between, and ends as failed after days', async () => {
    await using simulation = await start()
    const { database, gateway } = simulation.gateway
    const id = await cancelStored(simulation)
    await failCleanup(simulation, id)
    expect(await pausesOf(simulation, id)).toEqual([20])
    const { json } = await simulation.gateway.api('GET', '/api/v1/workers/status')
    expect(json.capacity.jobs.used).toBe(0)
    const lost = await simulation.claim(await makeDue(simulation, id))
    await database.sql`update assignments set attempts = 3 where id = ${lost.taskId}`
    simulation.launcher.exit(`encode-${lost.taskId}-1`, { code: 1, reason: 'Error', lastLines: [] })
    await expect.poll(() => pausesOf(simulation, id)).toEqual([40])
    await database.sql`update job_tasks set position = 50 where job_id = ${id} and status = 'waiting'`
    await failCleanup(simulation, id)
    expect(await pausesOf(simulation, id)).toEqual([3600])
    await giveUpCleanups(gateway.context)
    expect(await simulation.tasks(id, 'sweep')).toHaveLength(1)
    await database.sql`update job_tasks set position = 100 where job_id = ${id} and status = 'waiting'`
    await giveUpCleanups(gateway.context)
    expect(await simulation.tasks(id, 'sweep')).toEqual([])
    expect(simulation.gateway.errors.join()).toContain(`.tallylight/${id}/`)
  })

  it('does not block a later job to the same place once it has failed, and ends when that job has removed the leftovers', async () => {
    await using simulation = await start()
    const id = await cancelStored(simulation)
    await failCleanup(simulation, id)
    const later = await simulation.claim(await simulation.createJob({ output }))
    expect(later.order.leftovers).toEqual([`.tallylight/${id}/`])
    const cleanup = await makeDue(simulation, id)
    await simulation.claim(await simulation.createJob())
    expect(simulation.launched()).not.toContain(cleanup)
    const last = await simulation.createJob({ output })
    const { claimant } = later
    const [next] = (await later.report({ ...done, room: 1, claimant })).json.next
    expect(next).toMatchObject({ task_id: last, claim: { order: { leftovers: [] } } })
    expect(await simulation.tasks(id, 'sweep')).toEqual([])
  })

  it('still runs after a later job to the same place has failed', async () => {
    await using simulation = await start()
    const id = await cancelStored(simulation)
    await failCleanup(simulation, id)
    const later = await simulation.claim(await simulation.createJob({ output }))
    await later.report({ state: 'failed', failure: { ...away, is_transient: false } })
    const cleaner = await simulation.claim(await makeDue(simulation, id))
    await cleaner.report({ state: 'done', progress: 100 })
    expect(await simulation.tasks(id, 'sweep')).toEqual([])
  })
})
