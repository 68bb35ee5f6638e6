import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { openTracing } from './open-telemetry.ts'

const PARENT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', flags: '01' }

/** A span in OTLP's JSON encoding. */
type OtlpSpan = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[]
}
type Received = { readonly path: string; readonly service: unknown; readonly spans: readonly OtlpSpan[] }

/** Starts a collector for OTLP in JSON that answers with `status`. */
async function startCollector(status = 200) {
  const received: Received[] = []
  const server = await startLocalServer(async (request, response) => {
    received.push(await read(request))
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  })
  return { origin: server.origin, received, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

async function read(request: IncomingMessage): Promise<Received> {
  const { resourceSpans } = (await json(request)) as {
    resourceSpans: { resource: { attributes: OtlpSpan['attributes'] }; scopeSpans: { spans: OtlpSpan[] }[] }[]
  }
  const [first] = resourceSpans
  const service = first?.resource.attributes.find(({ key }) => key === 'service.name')?.value['stringValue']
  return { path: request.url ?? '', service, spans: first?.scopeSpans.flatMap(({ spans }) => spans) ?? [] }
}

function spanOf({ received }: { received: readonly Received[] }, name: string): OtlpSpan | undefined {
  return received.flatMap(({ spans }) => spans).find((span) => span.name === name)
}

function attributeOf(key: string, stringValue: string) {
  return { key, value: { stringValue } }
}

function logTo(lines: string[]) {
  return createLog('gateway', 'info', (line) => lines.push(JSON.parse(line).message))
}

test('spans reach a collector by OTLP in the trace of their parent, with their status', async () => {
  await using collector = await startCollector()
  const lines: string[] = []
  const tracing = await openTracing({ endpoint: collector.origin, log: logTo(lines) })
  const { tracer } = tracing

  const inner = await tracer.span({ name: 'GET /x', kind: 'server', parent: PARENT }, async (outer) => {
    outer.note({ 'http.route': '/x' })
    return tracer.span({ name: 'webhook attempt', kind: 'client', parent: outer.trace }, async (span) => {
      span.fail('the receiver answered 500')
      return span.trace
    })
  })
  const thrown = tracer.span({ name: 'fails', kind: 'internal', parent: null }, () => Promise.reject(new Error('no')))
  await expect(thrown).rejects.toThrow('no')
  await tracing[Symbol.asyncDispose]()

  expect(collector.received).toMatchObject([{ path: '/v1/traces', service: 'tallylight-gateway' }])
  const [request, attempt, failed] = ['GET /x', 'webhook attempt', 'fails'].map((name) => spanOf(collector, name))
  const { traceId, spanId: parentSpanId } = PARENT
  expect(request).toMatchObject({ traceId, parentSpanId, kind: 2, attributes: [attributeOf('http.route', '/x')] })
  expect(attempt).toMatchObject({ traceId, parentSpanId: request?.spanId, spanId: inner.spanId, kind: 3 })
  expect(attempt).toMatchObject({ status: { code: 2, message: 'the receiver answered 500' } })
  expect(failed).toMatchObject({ status: { code: 2, message: 'no' }, traceId: expect.not.stringMatching(traceId) })
  expect(lines).toEqual([])
})

test('a trace that its caller does not sample is propagated and not exported', async () => {
  await using collector = await startCollector()
  const tracing = await openTracing({ endpoint: collector.origin, log: logTo([]) })
  const parent = { ...PARENT, flags: '00' }
  const trace = await tracing.tracer.span({ name: 'x', kind: 'server', parent }, async (span) => span.trace)
  await tracing[Symbol.asyncDispose]()

  expect(trace).toMatchObject({ traceId: PARENT.traceId, flags: '00' })
  expect(collector.received).toEqual([])
})

test('a collector that refuses spans causes one log line and no error', async () => {
  await using collector = await startCollector(400)
  const lines: string[] = []
  const tracing = await openTracing({ endpoint: collector.origin, log: logTo(lines) })
  const work = { name: 'x', kind: 'internal', parent: null } as const
  expect(await tracing.tracer.span(work, async () => 'done')).toBe('done')
  await tracing[Symbol.asyncDispose]()

  expect(lines).toEqual(['traces cannot be exported'])
})

test('without an endpoint nothing is recorded, and traces are still propagated', async () => {
  const { tracer } = await openTracing({ endpoint: null, log: logTo([]) })
  const trace = await tracer.span({ name: 'x', kind: 'server', parent: PARENT }, async (span) => span.trace)
  expect(trace).toMatchObject({ traceId: PARENT.traceId, flags: '01' })
  expect(trace.spanId).not.toBe(PARENT.spanId)
})
