import { expect, it } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { startWorker } from '../../shared/testing/worker-process.ts'
import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
import { startReceiver } from '../testing/receiver.ts'
import { startTestGateway, TEST_KEYS } from '../testing/test-gateway.ts'
import { MONITOR_CONFIG, makeScenarioClip } from '../testing/broadcast-scenario.ts'

it('a worker that was frozen while another worker claimed its monitor exits when it thaws, and its reports are not stored', async () => {
  await using clip = await makeScenarioClip()
  await using simulator = await startBroadcastSimulator(clip, { pace: 'viewer', targetDurationSec: PATIENCE_MS / 1000 })
  simulator.stall()
  await using receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const launcher = createMemoryLauncher()
  await using gateway = await startTestGateway({ launcher })
  const made = await gateway.api('POST', '/api/v1/monitors', {
    stream_url: simulator.url,
    callback_url: receiver.url,
    config: MONITOR_CONFIG,
  })
  const id: string = made.json.monitor_id
  await expect.poll(() => launcher.launched.length).toBe(1)
  await using worker = startWorker({ ...launcher.launched[0]?.env, GATEWAY_URL: gateway.url, LOG_LEVEL: 'warn' })
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.started')
  worker.kill('SIGSTOP')
  const next = { claimant: crypto.randomUUID() }
  const claimed = await gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, next)
  expect(claimed.json).toMatchObject({ epoch: 2, resume: expect.any(Object) })
  const before = (await gateway.api('GET', `/api/v1/monitors/${id}`)).text
  worker.kill('SIGCONT')
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect(worker.lines.join('\n')).toContain('STALE_EPOCH')
  expect((await gateway.api('GET', `/api/v1/monitors/${id}`)).text).toBe(before)
  expect(receiver.deliveries.map(({ payload }) => payload.event_type)).toEqual(['stream.started'])
})
