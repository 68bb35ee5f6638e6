import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, onTestFinished, test, vi } from 'vitest'

import { createWebhookSender } from './webhook-sender.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'

/** Starts a receiver on 127.0.0.1; returns its URL. */
async function startReceiver(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
}

function createSender(allowPrivateNetworks = true) {
  const sender = createWebhookSender({ policy: { allowPrivateNetworks } })
  onTestFinished(() => sender[Symbol.asyncDispose]())
  return sender.send
}

const HELLO = {
  headers: { 'content-type': 'application/json', 'x-timestamp': '1' },
  body: '{"a":"ä"}',
  timeoutMs: PATIENCE_MS,
}

test('a webhook arrives with its bytes and headers, over connections that are reused', async () => {
  const arrived: (readonly [IncomingMessage, Promise<string>])[] = []
  const ports = new Set<number | undefined>()
  const url = await startReceiver((request, response) => {
    ports.add(request.socket.remotePort)
    request.on('end', () => response.end('thanks'))
    arrived.push([request, text(request)])
  })
  const send = createSender()
  for (let sent = 0; sent < 5; sent++) {
    expect(await send({ url, ...HELLO })).toEqual({ kind: 'answered', status: 200, retryAfter: null })
  }
  const [request, body] = arrived[0] ?? []
  expect(request).toMatchObject({ method: 'POST', headers: { 'x-timestamp': '1', 'content-type': 'application/json' } })
  expect(await body).toBe(HELLO.body)
  expect(ports.size).toBeLessThanOrEqual(2)
})

test('a redirect counts as the answer and is not followed', async () => {
  const elsewhere = vi.fn<RequestListener>((_request, response) => void response.end())
  const target = await startReceiver(elsewhere)
  const url = await startReceiver((_request, response) => void response.writeHead(302, { location: target }).end())
  expect(await createSender()({ url, ...HELLO })).toMatchObject({ kind: 'answered', status: 302 })
  expect(elsewhere).not.toHaveBeenCalled()
})

test('a refusal is returned with its Retry-After', async () => {
  const url = await startReceiver((_request, response) => void response.writeHead(429, { 'retry-after': '7' }).end())
  expect(await createSender()({ url, ...HELLO })).toEqual({ kind: 'answered', status: 429, retryAfter: '7' })
})

test('an interim answer is not the answer', async () => {
  const url = await startReceiver((_request, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.writeHead(202).end()
  })
  expect(await createSender()({ url, ...HELLO })).toMatchObject({ kind: 'answered', status: 202 })
})

test('an answer whose body breaks off counts by its status', async () => {
  const url = await startReceiver((request, response) => {
    response.writeHead(200, { 'content-length': '9' }).write('x', () => request.socket.resetAndDestroy())
  })
  expect(await createSender()({ url, ...HELLO })).toMatchObject({ kind: 'answered', status: 200 })
})

test.each<[string, RequestListener]>([
  ['never answers', () => undefined],
  ['drips its headers', (request) => dripHeaders(request)],
])('a receiver that %s is abandoned at the timeout', async (_how, listener) => {
  const url = await startReceiver(listener)
  expect(await createSender()({ url, ...HELLO, timeoutMs: 300 })).toEqual({
    kind: 'failed',
    error: 'no answer within 300 ms',
  })
})

test.each([200, 503])(
  'an answer %i whose body does not end counts by its status, and its connection is closed',
  async (status) => {
    const closed = vi.fn<() => void>()
    const url = await startReceiver((_request, response) => {
      response.writeHead(status).on('close', closed)
      drip(() => response.write('x'))
    })
    expect(await createSender()({ url, ...HELLO })).toEqual({ kind: 'answered', status, retryAfter: null })
    await vi.waitFor(() => expect(closed).toHaveBeenCalled(), WAIT)
  },
)

function dripHeaders({ socket }: IncomingMessage): void {
  socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
  drip(() => socket.write('x'))
}

function drip(write: () => boolean): void {
  const timer = setInterval(write, 20)
  onTestFinished(() => clearInterval(timer))
}

test('a reset connection, a refused connection and an invalid URL are failures with a reason', async () => {
  const url = await startReceiver((request) => void request.socket.resetAndDestroy())
  const send = createSender()
  const gone = await startReceiver(() => undefined)
  const closed = gone.replace(/:\d+/, ':1')
  expect(await send({ url, ...HELLO })).toMatchObject({
    kind: 'failed',
    error: expect.stringMatching(/ECONNRESET|other side/),
  })
  expect(await send({ url: closed, ...HELLO })).toMatchObject({
    kind: 'failed',
    error: expect.stringContaining('ECONNREFUSED'),
  })
  expect(await send({ url: 'nonsense', ...HELLO })).toMatchObject({ kind: 'failed' })
})

test.each([
  ['of 10 MB', { 'content-length': String(10 * 1024 * 1024) }],
  ['without end', {}],
])('an answer %s is cut off, and its status decides', async (_length, headers) => {
  const closed = vi.fn<(whole: boolean) => void>()
  const url = await startReceiver((_request, response) => {
    response.writeHead(200, headers).on('close', () => closed(response.writableFinished))
    const fill = () => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
    }
    response.on('drain', fill)
    fill()
  })
  expect(await createSender()({ url, ...HELLO })).toMatchObject({ kind: 'answered', status: 200 })
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith(false), WAIT)
})

test.each(['127.0.0.1', '[::1]', 'localhost', '[::ffff:127.0.0.1]'])(
  '%s is refused where only public addresses are allowed',
  async (host) => {
    const listener = vi.fn<RequestListener>((_request, response) => void response.end())
    const url = (await startReceiver(listener)).replace('127.0.0.1', host)
    const answer = await createSender(false)({ url, ...HELLO })
    expect(answer).toMatchObject({ kind: 'failed', error: expect.stringContaining('private address') })
    expect(listener).not.toHaveBeenCalled()
  },
)
