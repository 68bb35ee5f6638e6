import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { expect, test } from 'vitest'

import { createIdFields, createLog } from '../../shared/log.ts'
import { NO_METRICS, NO_TRACER } from '../adapters/telemetry/no-telemetry.ts'
import { observeRequests, traceOf } from './request-log.ts'

const ID = 'mon-01a20144-832d-757b-802b-19d0906ac8e0'
const idFields = createIdFields(new Map([['mon', 'monitor_id']]))
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'

/** Sends requests; returns the parsed log lines and the trace ids that the handler received. */
async function logRequests(...requests: readonly (readonly [method: string, path: string, traceparent?: string])[]) {
  const lines: Record<string, unknown>[] = []
  const traces: string[] = []
  const log = createLog('gateway', 'debug', (line) => lines.push(JSON.parse(line)))
  const app = new Hono().use(requestId(), observeRequests({ log, idFields, metrics: NO_METRICS, tracer: NO_TRACER }))
  app.on(['GET', 'DELETE'], '/api/v1/monitors/:id', (c) => {
    traces.push(traceOf(c).traceId)
    return c.json({}, c.req.param('id') === ID ? 200 : 404)
  })
  for (const [method, path, traceparent] of requests) {
    await app.request(path, { method, headers: traceparent === undefined ? {} : { traceparent } })
  }
  return { lines, traces }
}

test('a request is logged once, with its subject, status and trace', async () => {
  const { lines, traces } = await logRequests([
    'DELETE',
    `/api/v1/monitors/${ID}?token=s3cret`,
    `00-${TRACE_ID}-00f067aa0ba902b7-01`,
  ])
  expect(lines).toEqual([
    {
      timestamp: expect.any(String),
      level: 'info',
      component: 'gateway',
      message: 'request',
      request_id: expect.any(String),
      trace_id: TRACE_ID,
      monitor_id: ID,
      method: 'DELETE',
      path: `/api/v1/monitors/${ID}`,
      status: 200,
      ms: expect.any(Number),
    },
  ])
  expect(traces).toEqual([TRACE_ID])
})

test('a request without a valid trace begins one; a successful read is logged at debug level', async () => {
  const { lines } = await logRequests(['GET', `/api/v1/monitors/${ID}`], ['GET', '/api/v1/monitors/none', 'nonsense'])
  expect(lines.map(({ level, status }) => [level, status])).toEqual([
    ['debug', 200],
    ['info', 404],
  ])
  const [one, other] = lines.map(({ trace_id }) => String(trace_id))
  expect(one).toMatch(/^[0-9a-f]{32}$/)
  expect(other).not.toBe(one)
})
