import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { newJobId } from './ids.ts'
import { JOB_OUTPUT, buildJobReport, type JobReportFields } from '../testing/workers/job-reports.ts'
import { startSimulatedCluster, type SimulatedCluster } from '../testing/workers/simulated-pods.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'
import { WAIT } from '../../shared/testing/until.ts'

const SECRETS = { S3_SECRET_ACCESS_KEY: 'never-to-be-seen', FTP_PASSWORD: 'nor-this' }
const ENV = {
  ...SECRETS,
  MAX_ENCODE_WORKERS: '50',
  S3_BUCKET: 'media',
  S3_ACCESS_KEY_ID: 'who-we-are',
  FTP_HOST: 'ftp.example.com',
  FTP_USER: 'media',
}

let shared: SimulatedCluster
beforeAll(async () => {
  shared = await startSimulatedCluster(ENV)
})
afterAll(() => shared[Symbol.asyncDispose]())

let paths = 0
async function createJob(): Promise<{ id: string; name: string }> {
  paths += 1
  const output = { storage: 's3', path: `videos/${paths}.mp4` }
  const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output }
  const made = await shared.gateway.api('POST', '/api/v1/jobs', body)
  expect(made).toMatchObject({ status: 202 })
  return { id: made.json.job_id, name: `encode-${made.json.job_id}-1` }
}

/** A job whose Pod runs, and has claimed. */
async function encoding() {
  const { id, name } = await createJob()
  const { uid } = (await shared.pods.waitForPod(name)).metadata
  shared.pods.setRunning(name)
  return { id, name, uid, ...(await claim(id)) }
}

async function claim(id: string, attempt = 1) {
  const worker = `encode-${id}-${attempt}`
  const { gateway } = shared
  const path = `/internal/v1/jobs/${id}`
  const answer = await gateway.callback({ id, worker }, 'POST', `${path}/claim`, { claimant: crypto.randomUUID() })
  expect(answer).toMatchObject({ status: 200 })
  const { epoch } = answer.json
  let seq = 0
  const report = (fields: JobReportFields) =>
    gateway.callback({ id, worker }, 'PUT', `${path}/status`, buildJobReport(epoch, (seq += 1), fields))
  return { epoch, report }
}

const labelsOf = (id: string) => ({ app: 'encode', 'job-id': id })
const insertPod = (name: string, labels: Readonly<Record<string, string>>) =>
  shared.cluster.kube.insertPods([
    { metadata: { name, labels }, spec: { containers: [{ name: 'job', image: 'x:1' }] } },
  ])
const gone = (name: string) => vi.waitFor(() => expect(shared.cluster.kube.pod(name)).toBeNull(), WAIT)
const jobOf = async (id: string) => (await shared.gateway.api('GET', `/api/v1/jobs/${id}`)).json
const reconcile = async () =>
  (
    await shared.gateway.api('POST', '/internal/v1/reconcile', undefined, {
      'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY,
    })
  ).json

describe('a job in a cluster', () => {
  test('has a Pod named by its id and attempt, which gets secrets by reference only', async () => {
    const { id, name } = await createJob()
    const pod = await shared.pods.waitForPod(name)
    expect(pod.metadata.labels).toMatchObject({ ...labelsOf(id), 'app.kubernetes.io/component': 'worker' })
    const env = pod.spec?.containers[0]?.env ?? []
    expect(Object.fromEntries(env.map((one) => [one.name, one.value]))).toMatchObject({
      WORKER_KIND: 'encode',
      WORKER_NAME: name,
      JOB_ID: id,
      S3_BUCKET: 'media',
      S3_ACCESS_KEY_ID: 'who-we-are',
    })
    const taken = env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? [])
    expect(taken).toEqual(Object.keys(SECRETS).map((key) => ({ name: 'example-secret', key })))
    for (const secret of Object.values(SECRETS)) expect(JSON.stringify(pod)).not.toContain(secret)
  })

  test('runs beside a monitor, each in its own Pod, and a reconciliation stops neither', async () => {
    const [watcher, encoder] = await Promise.all([shared.pods.createClaimedMonitor(), encoding()])
    expect((await reconcile()).found).toEqual({})
    const { json } = await shared.gateway.api('GET', '/api/v1/workers/status')
    const kindOf = (id: string) =>
      json.workers.find((one: { readonly assignment_id: string }) => one.assignment_id === id)?.kind
    expect([kindOf(watcher.id), kindOf(encoder.id)]).toEqual(['monitor', 'job'])
    const { kube } = shared.cluster
    expect([watcher.name, encoder.name].map((name) => kube.pod(name)?.metadata.uid)).toEqual([watcher.uid, encoder.uid])
  })

  test('that is canceled loses its Pod, and a monitor keeps its own', async () => {
    const [watcher, { id, name, report }] = await Promise.all([shared.pods.createClaimedMonitor(), encoding()])
    expect((await shared.gateway.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
    await gone(name)
    expect((await report({ progress: 50 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    expect(shared.cluster.kube.pod(watcher.name)?.metadata.uid).toBe(watcher.uid)
  })

  test('with a transient failure gets a Pod of the next number, and the one before is deleted', async () => {
    const { id, name, epoch, report } = await encoding()
    await report({ state: 'failed', failure: { code: 'STALLED', message: 'ffmpeg stood still', is_transient: true } })
    await shared.pods.waitForPod(`encode-${id}-2`)
    await gone(name)
    expect((await claim(id, 2)).epoch).toBe(epoch + 1)
    expect(await jobOf(id)).toMatchObject({ status: 'processing', attempts: 2 })
  })

  test('whose Pod is deleted or evicted continues in another one', async () => {
    const { id, name } = await encoding()
    shared.cluster.kube.faults.deletePod(name)
    await shared.pods.waitForPod(`encode-${id}-2`)
    shared.pods.setRunning(`encode-${id}-2`)
    await claim(id, 2)
    shared.cluster.kube.faults.evictPod(`encode-${id}-2`)
    await shared.pods.waitForPod(`encode-${id}-3`)
    await gone(`encode-${id}-2`)
    expect((await jobOf(id)).status).toBe('processing')
  })

  test('that has ended keeps no Pod, also where one is created again', async () => {
    const { id, name, report } = await encoding()
    await report({ state: 'done', progress: 100, output: JOB_OUTPUT })
    await gone(name)
    expect(await jobOf(id)).toMatchObject({ status: 'completed', output: JOB_OUTPUT })
    insertPod(name, labelsOf(id))
    await gone(name)
  })

  test('has no Pod of an earlier attempt beside the current one', async () => {
    const { id, name, report } = await encoding()
    await report({ state: 'failed', failure: { code: 'STALLED', message: 'ffmpeg stood still', is_transient: true } })
    const { uid } = (await shared.pods.waitForPod(`encode-${id}-2`)).metadata
    await gone(name)
    await claim(id, 2)
    insertPod(name, labelsOf(id))
    await gone(name)
    expect(shared.cluster.kube.pod(`encode-${id}-2`)?.metadata.uid).toBe(uid)
  })

  test('that is unknown has its Pod deleted; a foreign Pod with the same labels is left alone', async () => {
    const { id } = await encoding()
    const unknown = newJobId()
    insertPod(`encode-${unknown}-1`, labelsOf(unknown))
    insertPod('somebody-else', labelsOf(id))
    await gone(`encode-${unknown}-1`)
    expect(shared.cluster.kube.pod('somebody-else')).not.toBeNull()
    shared.cluster.kube.faults.deletePod('somebody-else')
  })
})
