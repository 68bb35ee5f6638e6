import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let owner: TestUser
let [first, second]: SimulatedIngest[] = []
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '2' } })
  owner = await signUp(gateway.api, 'broadcaster')
  const { launcher } = gateway.gateway.context
  const countWorkers = async () => (await launcher.list(AbortSignal.timeout(1000))).length
  await until(async () => (await countWorkers()) === 2, 'the ingest workers are launched')
  first = await claimIngest(gateway.url)
  second = await claimIngest(gateway.url, 'ingest-1')
})
afterAll(() => gateway[Symbol.asyncDispose]())

it('an encoder that comes back at another ingest worker takes over once the first has heard nothing of it for long', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  const published = await first?.publish(json.stream_key)
  const report = (silentMs: number) =>
    first?.report(json.stream_id, [{ session: published?.session ?? '', silent_ms: silentMs }])
  const comeBack = async () => (await second?.publish(json.stream_key))?.answer.status
  await report(1000)
  expect(await comeBack()).toBe(409)
  // The connection is half open: its worker goes on reporting it.
  await report(11_000)
  expect(await comeBack()).toBe(200)
})
