import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { createMemoryLauncher } from '../../testing/workers/memory-launcher.ts'
import { claimIngest, signUp, type SimulatedIngest } from '../testing/live-gateway.ts'

const CLUSTER = {
  LAUNCHER: 'kubernetes',
  NAMESPACE: 'tallylight',
  WORKER_IMAGE: 'worker:1',
  DATABASE_URL: 'postgres://test',
  STORAGE_DIR: '',
  S3_BUCKET: '',
  INGEST_WORKERS: '1',
}

describe('a cluster without a store', () => {
  let gateway: TestGateway
  let ingest: SimulatedIngest
  const launcher = createMemoryLauncher()
  const launched = async () => (await launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name)
  beforeAll(async () => {
    gateway = await startTestGateway({ env: CLUSTER, launcher })
    await until(async () => (await launched()).includes('ingest-0'), 'the ingest worker is launched')
    ingest = await claimIngest(gateway.url)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it('refuses encoders with the setting that is missing, launches nothing for them, and is ready for the rest', async () => {
    const owner = await signUp(gateway.api, 'owner-of-all')
    const { json: stream } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
    const { answer } = await ingest.publish(stream.stream_key)
    expect([answer.status, answer.json]).toMatchObject([403, { error: { code: 'PUBLISH_REFUSED' } }])
    expect(answer.json.error.message).toContain('S3_BUCKET')
    expect((await gateway.api('GET', `/api/v1/streams/${stream.stream_id}`, undefined, owner.headers)).json.state).toBe(
      'ready',
    )
    expect(await launched()).toEqual(['ingest-0'])
    expect((await gateway.api('GET', '/readyz')).status).toBe(200)
  })

  it('does not say so without a valid key', async () => {
    const { answer } = await ingest.publish('sk-wrong')
    expect(answer.json.error.message).toContain('key is not valid')
  })
})
