import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { limitBody, readBody } from './body-limit.ts'
import { respondToErrors } from './error-response.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

/** Sends the head of a request and one byte of its body, and returns the answer to that. */
async function callWithoutBody(
  url: string,
  method: string,
  headers: Record<string, string | number>,
): Promise<{ status: number | undefined; connection: string | undefined; text: string }> {
  const call = request(url, { method, agent: false, headers: { 'content-type': 'application/json', ...headers } })
  call.on('error', () => undefined)
  call.write('{')
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = await answer.toArray()
  call.destroy()
  return { status: answer.statusCode, connection: answer.headers.connection, text: Buffer.concat(chunks).toString() }
}

const LENGTHS = { short: { 'content-length': 1000 }, long: { 'content-length': 5_000_000 }, chunked: {} }

describe('a body that does not arrive', () => {
  it.each(Object.entries(LENGTHS))('(%s) is answered with 408 after its own limit', async (_length, headers) => {
    const app = new Hono()
    const problems: unknown[] = []
    const log = createLog('test', 'info', (line) => problems.push(line))
    app.onError(respondToErrors(log, () => true))
    app.use(...limitBody([{ call: /POST/, bytes: 8_000_000 }], 50))
    app.post('/', async (c) => c.text(await readBody(c)))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const answer = await callWithoutBody(`http://127.0.0.1:${port}/`, 'POST', headers)
    expect(answer).toMatchObject({ status: 408, connection: 'close' })
    expect(answer.text).toContain('the body did not arrive within 0.05 s')
    expect(problems).toEqual([])
    server.close()
  })
})

describe.each(RUNTIMES)('bodies on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const forged = `sha256=${'0'.repeat(64)}`
  const nowSec = Math.floor(Date.now() / 1000)
  const plausible = { 'x-worker-id': 'a', 'x-timestamp': nowSec, 'x-signature-256': forged }
  it.each<[string, string, string, Record<string, string | number>]>([
    ['without a key', 'POST /api/v1/monitors', 'UNAUTHORIZED', {}],
    ['with a wrong key', 'POST /api/v1/jobs', 'UNAUTHORIZED', { 'x-api-key': 'wrong' }],
    ['without a session', 'POST /api/v1/streams', 'UNAUTHORIZED', {}],
    ['without a signature', 'PUT /internal/v1/monitors/a/status', 'UNAUTHORIZED', {}],
    ['without a worker', 'PUT /internal/v1/broadcasts/a/status', 'UNAUTHORIZED', { ...plausible, 'x-worker-id': '' }],
    [
      'with half a signature',
      'POST /internal/v1/jobs/a/claim',
      'UNAUTHORIZED',
      { ...plausible, 'x-signature-256': '0' },
    ],
    ['with an old signature', 'PUT /internal/v1/ingest/a/status', 'CLOCK_SKEW', { ...plausible, 'x-timestamp': 5 }],
    ['with no time', 'PUT /internal/v1/archives/a/status', 'UNAUTHORIZED', { ...plausible, 'x-timestamp': 'now' }],
  ])('of calls %s are not read before the answer', async (_what, call, code, headers) => {
    const [method = '', path = ''] = call.split(' ')
    // A long body is read on after the answer, which workerd holds back until then.
    for (const length of runtime === 'node' ? Object.values(LENGTHS) : [LENGTHS.short]) {
      const { status, text } = await callWithoutBody(`${gateway.url}${path}`, method, { ...headers, ...length })
      expect([status, JSON.parse(text).error.code]).toEqual([401, code])
    }
  })

  it.each([
    ['with Content-Length', true],
    ['chunked', false],
  ])(
    'that are too large (%s) are refused with a response that the client receives',
    async (_, hasLength) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const post = async (bytes: number) => {
        const length = hasLength ? { 'content-length': bytes } : { 'transfer-encoding': 'chunked' }
        const headers = { 'x-api-key': TEST_KEYS.API_KEY, 'content-type': 'application/json', ...length }
        const call = request(`${gateway.url}/api/v1/monitors`, { method: 'POST', agent, headers })
        call.end('{}'.padEnd(bytes))
        const [answer] = (await once(call, 'response')) as [IncomingMessage]
        await once(answer.resume(), 'end')
        return [answer.statusCode, call.reusedSocket]
      }
      expect(await post(2)).toEqual([400, false])
      expect(await post(64 * 1024)).toEqual([400, true])
      for (const bytes of [64 * 1024 + 1, 1_500_000, 100_000, 1_500_000]) {
        expect(await post(bytes)).toEqual([413, true])
        expect(await post(2)).toEqual([400, true])
      }
      // A body this long closes its connection, but only after the response.
      for (let i = 0; i < 2; i++) {
        expect((await post(20_000_000))[0]).toBe(413)
        expect((await post(2))[0]).toBe(400)
      }
      agent.destroy()
    },
    60_000,
  )
})
