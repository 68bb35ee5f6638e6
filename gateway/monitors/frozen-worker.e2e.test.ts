import { expect, it } from 'vitest'

import { deriveWorkerToken } from '../../shared/signing.ts'
import { startSimulator } from '../../worker/testing/stream-simulator.ts'
import { monitorEnv, startWorker } from '../../worker/testing/worker-process.ts'
import { startReceiver } from '../testing/receiver.ts'
import { startTestGateway, TEST_KEYS } from '../testing/test-gateway.ts'
import { CONFIG, makeScenario } from '../testing/world.ts'

it('a worker that was frozen while another one took over ends when it thaws, and nothing that it says is stored', async () => {
  await using clip = await makeScenario()
  await using simulator = await startSimulator(clip)
  await using receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  await using gateway = await startTestGateway()
  const made = await gateway.api('POST', '/api/v1/monitors', {
    stream_url: simulator.url,
    callback_url: receiver.url,
    config: CONFIG,
  })
  const id: string = made.json.monitor_id
  await using worker = startWorker(
    monitorEnv(gateway.url, simulator.url, {
      MONITOR_ID: id,
      WORKER_TOKEN: deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'monitor', id),
      CONFIG_JSON: JSON.stringify((await gateway.api('GET', `/api/v1/monitors/${id}`)).json.config),
    }),
  )
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.started', 20_000)
  worker.kill('SIGSTOP')
  const next = { claimant: crypto.randomUUID() }
  const claimed = await gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, next)
  expect(claimed.json).toMatchObject({ epoch: 2, resume: expect.any(Object) })
  const before = (await gateway.api('GET', `/api/v1/monitors/${id}`)).text
  worker.kill('SIGCONT')
  const thawedMs = Date.now()
  await worker.exited
  expect(Date.now() - thawedMs).toBeLessThan(15_000)
  expect((await gateway.api('GET', `/api/v1/monitors/${id}`)).text).toBe(before)
  expect(receiver.deliveries.map(({ payload }) => payload.event_type)).toEqual(['stream.started'])
}, 60_000)
