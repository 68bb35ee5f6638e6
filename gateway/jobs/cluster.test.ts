import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { newJobId } from '../../shared/ids.ts'
import { AN_OUTPUT, jobReportOf, type Told } from '../testing/job-reports.ts'
import { startPlayedCluster, WAIT, type PlayedCluster } from '../testing/played-pods.ts'
import { TEST_KEYS, TEST_SETTINGS } from '../testing/test-gateway.ts'

const SECRETS = { S3_SECRET_ACCESS_KEY: 'never-to-be-seen', FTP_PASSWORD: 'nor-this' }
const jobs = {
  ...TEST_SETTINGS.jobs,
  maxWorkers: 50,
  workerEnv: { S3_BUCKET: 'media', S3_ACCESS_KEY_ID: 'who-we-are' },
  secretEnv: SECRETS,
}

let shared: PlayedCluster
beforeAll(async () => {
  shared = await startPlayedCluster({ jobs })
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
  const { uid } = (await shared.played.podNamed(name)).metadata
  shared.played.run(name)
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
  const tell = (told: Told) =>
    gateway.callback({ id, worker }, 'PUT', `${path}/status`, jobReportOf(epoch, (seq += 1), told))
  return { epoch, tell }
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
  test('has a Pod by its id and attempt, which is told its task, and takes secrets by name alone', async () => {
    const { id, name } = await createJob()
    const pod = await shared.played.podNamed(name)
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

  test('goes beside a monitor, each with its own Pod, and a comparison leaves both alone', async () => {
    const [watcher, encoder] = await Promise.all([shared.played.watched(), encoding()])
    expect((await reconcile()).found).toEqual({})
    const { json } = await shared.gateway.api('GET', '/api/v1/workers/status')
    const kindOf = (id: string) =>
      json.workers.find((one: { readonly assignment_id: string }) => one.assignment_id === id)?.kind
    expect([kindOf(watcher.id), kindOf(encoder.id)]).toEqual(['monitor', 'job'])
    const { kube } = shared.cluster
    expect([watcher.name, encoder.name].map((name) => kube.pod(name)?.metadata.uid)).toEqual([watcher.uid, encoder.uid])
  })

  test('that is cancelled has no Pod any more, and a monitor keeps its own', async () => {
    const [watcher, { id, name, tell }] = await Promise.all([shared.played.watched(), encoding()])
    expect((await shared.gateway.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
    await gone(name)
    expect((await tell({ progress: 50 })).json.error.code).toBe('ASSIGNMENT_ENDED')
    expect(shared.cluster.kube.pod(watcher.name)?.metadata.uid).toBe(watcher.uid)
  })

  test('whose attempt fails by no fault of its input gets a Pod of the next number, and the one before goes', async () => {
    const { id, name, epoch, tell } = await encoding()
    await tell({ state: 'failed', failure: { code: 'STALLED', message: 'ffmpeg stood still', is_transient: true } })
    await shared.played.podNamed(`encode-${id}-2`)
    await gone(name)
    expect((await claim(id, 2)).epoch).toBe(epoch + 1)
    expect(await jobOf(id)).toMatchObject({ status: 'processing', attempts: 2 })
  })

  test('whose Pod is deleted or evicted goes on in another one', async () => {
    const { id, name } = await encoding()
    shared.cluster.kube.faults.deletePod(name)
    await shared.played.podNamed(`encode-${id}-2`)
    shared.played.run(`encode-${id}-2`)
    await claim(id, 2)
    shared.cluster.kube.faults.evictPod(`encode-${id}-2`)
    await shared.played.podNamed(`encode-${id}-3`)
    await gone(`encode-${id}-2`)
    expect((await jobOf(id)).status).toBe('processing')
  })

  test('that has ended keeps no Pod, whoever brings one back', async () => {
    const { id, name, tell } = await encoding()
    await tell({ state: 'done', progress: 100, output: AN_OUTPUT })
    await gone(name)
    expect(await jobOf(id)).toMatchObject({ status: 'completed', output: AN_OUTPUT })
    insertPod(name, labelsOf(id))
    await gone(name)
  })

  test('has no Pod of an earlier attempt beside the present one', async () => {
    const { id, name, tell } = await encoding()
    await tell({ state: 'failed', failure: { code: 'STALLED', message: 'ffmpeg stood still', is_transient: true } })
    const { uid } = (await shared.played.podNamed(`encode-${id}-2`)).metadata
    await gone(name)
    await claim(id, 2)
    insertPod(name, labelsOf(id))
    await gone(name)
    expect(shared.cluster.kube.pod(`encode-${id}-2`)?.metadata.uid).toBe(uid)
  })

  test('that nobody knows has no Pod for long; one that only bears labels of ours is left alone', async () => {
    const { id } = await encoding()
    const unknown = newJobId()
    insertPod(`encode-${unknown}-1`, labelsOf(unknown))
    insertPod('somebody-else', labelsOf(id))
    await gone(`encode-${unknown}-1`)
    expect(shared.cluster.kube.pod('somebody-else')).not.toBeNull()
    shared.cluster.kube.faults.deletePod('somebody-else')
  })
})
