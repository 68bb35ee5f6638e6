import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { startTestCluster } from '../testing/test-cluster.ts'
import { WAIT } from '../../shared/testing/until.ts'

/** Starts a cluster whose workers are real processes that print a line and crash, as with a broken image. */
async function startCrashingCluster() {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-crashing-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const entry = join(folder, 'crashing.mjs')
  await writeFile(entry, `console.log('no luck'); process.exitCode = 3`)
  return startTestCluster({ runPods: { entry }, backoffFactor: 0.01 })
}

test('a job whose worker crashes at each start fails after its last attempt, with the reason, and publishes that once', async () => {
  await using cluster = await startCrashingCluster()
  await using gateway = await cluster.startGateway({ RECONCILE_INTERVAL: '1s' })
  const output = { storage: 's3', path: 'a.mp4' }
  const body = {
    input_url: 'http://127.0.0.1:9/a.mp4',
    preset: '720p_h264',
    output,
    callback_url: cluster.receiver.url,
  }
  const { job_id: id } = (await gateway.api('POST', '/api/v1/jobs', body)).json
  const told = await cluster.receiver.waitFor((delivery) => delivery.body.includes(id))
  expect(JSON.parse(told.body)).toMatchObject({
    event_type: 'job.failed',
    job_id: id,
    data: { error: { code: 'WORKER_LOST' } },
  })
  expect((await gateway.api('GET', `/api/v1/jobs/${id}`)).json).toMatchObject({
    status: 'failed',
    attempts: 3,
    error: { message: expect.stringContaining('no luck') },
  })
  await vi.waitFor(() => expect(cluster.kube.pods()).toEqual([]), WAIT)
  expect(cluster.kube.calls.filter(({ method, status }) => method === 'POST' && status === 201)).toHaveLength(1)
  expect(cluster.receiver.deliveries).toHaveLength(1)
})
