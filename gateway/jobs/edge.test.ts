import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startEdgeGateway, type EdgeGateway } from '../testing/edge/edge-gateway.ts'
import { JOB_OUTPUT, buildChunkPlan } from '../testing/workers/job-reports.ts'
import { claimTask } from '../testing/workers/simulated-jobs.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

const done = { state: 'done', progress: 100, output: JOB_OUTPUT } as const

describe('jobs on the edge', () => {
  let gateway: EdgeGateway
  let receiver: Receiver
  let paths = 0
  beforeAll(async () => {
    receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
    gateway = await startEdgeGateway()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
  })

  async function post(more: object = {}): Promise<string> {
    paths += 1
    const output = { storage: 's3', path: `edge/${paths}.mp4` }
    const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output, ...more }
    const made = await gateway.api('POST', '/api/v1/jobs', body)
    expect(made.status).toBe(202)
    return made.json.job_id
  }
  const jobOf = async (id: string) => (await gateway.api('GET', `/api/v1/jobs/${id}`)).json
  async function claimLaunched(id: string) {
    await expect.poll(() => gateway.workers()).toContain(`encode-${id}-1`)
    return claimTask(gateway, id)
  }

  it('are launched, claimed and completed, also at the same moment in separate requests, and waiting ones are handed over', async () => {
    const ids = [await post(), await post()]
    const workers = await Promise.all(ids.map(claimLaunched))
    const waiting = await post()
    const answers = await Promise.all(workers.map((worker) => worker.report({ ...done, room: 1 })))
    expect(answers).toMatchObject(ids.map(() => ({ status: 200, json: { duplicate: false } })))
    expect(answers.flatMap(({ json }) => json.next)).toMatchObject([{ task_id: waiting }])
    for (const id of ids) expect(await jobOf(id)).toMatchObject({ status: 'completed', progress: 100 })
    expect(await (await claimTask(gateway, waiting)).report(done)).toMatchObject({ status: 200 })
  })

  it('are split, encoded in chunks and joined, and publish a webhook and a stream', async () => {
    const id = await post({ chunks: 2, callback_url: receiver.url })
    const splitter = await claimLaunched(id)
    const split = await splitter.report({ state: 'done', plan: buildChunkPlan(2), room: 1 })
    let next: string = split.json.next[0].task_id
    const { sql } = gateway.database
    for (const expected of ['chunk', 'chunk', 'join']) {
      const worker = await claimTask(gateway, next)
      expect(worker.order.task).toBe(expected)
      await worker.report({ state: 'processing', progress: 50, fps: 25, speed: 1 })
      const [other] = await sql`select id from job_tasks where job_id = ${id} and status <> 'ended' and id <> ${next}`
      const told = await worker.report(expected === 'join' ? done : { state: 'done', progress: 100, room: 1 })
      expect(told.status).toBe(200)
      next = told.json.next[0]?.task_id ?? other?.['id']
    }
    const { body } = await receiver.waitFor((delivery) => delivery.body.includes(id))
    expect(JSON.parse(body)).toMatchObject({ event_type: 'job.completed', data: { output_url: JOB_OUTPUT.output_url } })
    const stream = (await gateway.api('GET', `/api/v1/jobs/${id}/stream`)).text
    expect(stream).toContain('"status":"completed"')
  })

  it('are canceled while they upload, and what they stored is removed', async () => {
    const id = await post()
    const worker = await claimLaunched(id)
    await worker.report({ state: 'uploading', progress: 90, has_stored: true })
    expect(await gateway.api('DELETE', `/api/v1/jobs/${id}`)).toMatchObject({ status: 200 })
    expect(await worker.report({ state: 'uploading', progress: 95 })).toMatchObject({
      status: 409,
      json: { error: { code: 'ASSIGNMENT_ENDED', details: { job_status: 'canceled' } } },
    })
    expect(await jobOf(id)).toMatchObject({ status: 'canceled' })
    const sweeps = await gateway.database.sql`select task from job_tasks where job_id = ${id} and task = 'sweep'`
    expect(sweeps).toHaveLength(1)
  })

  it('are retried after a transient failure, and listed', async () => {
    const id = await post()
    const worker = await claimLaunched(id)
    const failure = { code: 'INPUT_UNREACHABLE', message: 'no route to host', is_transient: true }
    expect(await worker.report({ state: 'failed', failure })).toMatchObject({ status: 200 })
    await expect.poll(() => gateway.workers()).toContain(`encode-${id}-2`)
    expect(await (await claimTask(gateway, id)).report(done)).toMatchObject({ status: 200 })
    expect(await jobOf(id)).toMatchObject({ status: 'completed', attempts: 2 })
    const { jobs } = (await gateway.api('GET', '/api/v1/jobs?status=completed&limit=1')).json
    expect(jobs).toMatchObject([{ job_id: id }])
    expect((await gateway.api('GET', '/api/v1/workers/status')).status).toBe(200)
  })

  it('leave no error in the log', () => {
    expect(gateway.errors).toEqual([])
  })
})
