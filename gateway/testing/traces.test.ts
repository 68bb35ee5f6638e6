import { expect, test } from 'vitest'

import { parseTraceparent } from '../../shared/trace.ts'
import { createMemoryLauncher } from './workers/memory-launcher.ts'
import { startReceiver } from './receiver.ts'
import { buildEvent, buildReport } from './workers/monitor-reports.ts'
import { startTestGateway, TEST_KEYS } from './test-gateway.ts'

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`

/** Creates a monitor by a request with these headers; returns the traces of its worker and of its first webhook. */
async function tracesOf(headers: Record<string, string>) {
  await using receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const launcher = createMemoryLauncher()
  await using gateway = await startTestGateway({ launcher })
  const request = { stream_url: 'http://127.0.0.1:9/traced.m3u8', callback_url: receiver.url }
  const id: string = (await gateway.api('POST', '/api/v1/monitors', request, headers)).json.monitor_id
  await expect.poll(() => launcher.launched.length).toBe(1)
  const path = `/internal/v1/monitors/${id}`
  await gateway.callback(id, 'POST', `${path}/claim`, { claimant: crypto.randomUUID() })
  await gateway.callback(id, 'PUT', `${path}/status`, buildReport(1, 1, { events: [buildEvent('stream.started')] }))
  const { headers: got } = await receiver.waitFor(({ payload }) => payload.monitor_id === id)
  return [launcher.launched[0]?.env['TRACEPARENT'], got['traceparent']?.toString()].map((one) => parseTraceparent(one))
}

test('the worker and the webhooks that a request causes belong to its trace', async () => {
  const [worker, webhook] = await tracesOf({ traceparent: TRACEPARENT })
  expect([worker?.traceId, webhook?.traceId]).toEqual([TRACE_ID, TRACE_ID])
  expect(new Set([worker?.spanId, webhook?.spanId, '00f067aa0ba902b7']).size).toBe(3)
})

test('a request without a valid trace begins its own', async () => {
  const [worker, webhook] = await tracesOf({ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` })
  expect(worker?.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(webhook?.traceId).toBe(worker?.traceId)
  const [other] = await tracesOf({})
  expect(other?.traceId).not.toBe(worker?.traceId)
})
