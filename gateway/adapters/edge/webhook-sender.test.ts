import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { startEgressService } from '../../testing/edge/egress-service.ts'
import { RUNTIMES } from '../../testing/runtimes.ts'
import { startWorkerd, type Workerd } from '../../testing/edge/workerd.ts'
import type { WebhookGuard } from './settings.ts'
import { createEdgeWebhookSender } from './webhook-sender.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'
import type { WebhookAnswer, WebhookRequest } from '../../ports/webhook-sender.ts'

const SENDER = new URL('../../testing/edge/webhook-sender-worker.ts', import.meta.url)
const NO_GUARD: WebhookGuard = { kind: 'none' }
const HELLO = {
  headers: { 'content-type': 'application/json', 'x-timestamp': '1' },
  body: '{"a":"ä"}',
  timeoutMs: PATIENCE_MS,
}

let workerd: Workerd
beforeAll(async () => {
  // workerd logs each name that does not resolve.
  workerd = await startWorkerd({ entry: SENDER, bindings: {}, onLine: () => {} })
})
afterAll(() => workerd[Symbol.asyncDispose]())

type Listener = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** Starts a server on 127.0.0.1 until the end of the test; returns its URL. */
async function serve(listener: Listener): Promise<string> {
  const server = await startLocalServer(async (request, response) => listener(request, response))
  onTestFinished(() => server[Symbol.asyncDispose]())
  return `${server.origin}/hook`
}

describe.each(RUNTIMES)('a webhook from the edge, sent on %s,', (runtime) => {
  async function send(guard: WebhookGuard, webhook: WebhookRequest): Promise<WebhookAnswer> {
    if (runtime === 'node') return createEdgeWebhookSender(guard)(webhook)
    const answer = await fetch(workerd.url, { method: 'POST', body: JSON.stringify({ guard, webhook }) })
    return (await answer.json()) as WebhookAnswer
  }

  it('arrives with its bytes and headers', async () => {
    const arrived: (readonly [IncomingMessage, string])[] = []
    const url = await serve(async (request, response) => {
      arrived.push([request, await text(request)])
      response.end('thanks')
    })
    expect(await send(NO_GUARD, { url, ...HELLO })).toEqual({ kind: 'answered', status: 200, retryAfter: null })
    expect(arrived).toEqual([[expect.objectContaining({ method: 'POST' }), HELLO.body]])
    expect(arrived[0]?.[0].headers).toMatchObject(HELLO.headers)
  })

  it('counts a redirect as the answer and does not follow it', async () => {
    const elsewhere = vi.fn<Listener>((_request, response) => void response.end())
    const location = await serve(elsewhere)
    const url = await serve((_request, response) => void response.writeHead(307, { location }).end())
    expect(await send(NO_GUARD, { url, ...HELLO })).toMatchObject({ kind: 'answered', status: 307 })
    expect(elsewhere).not.toHaveBeenCalled()
  })

  it('returns a refusal with its Retry-After', async () => {
    const url = await serve((_request, response) => void response.writeHead(429, { 'retry-after': '7' }).end())
    expect(await send(NO_GUARD, { url, ...HELLO })).toEqual({ kind: 'answered', status: 429, retryAfter: '7' })
  })

  it.each<[string, Listener]>([
    ['never answers', () => undefined],
    ['drips its headers', ({ socket }) => dripHeaders(socket)],
  ])('is abandoned at the timeout where the receiver %s', async (_how, listener) => {
    const url = await serve(listener)
    const answer = await send(NO_GUARD, { url, ...HELLO, timeoutMs: 300 })
    expect(answer).toEqual({ kind: 'failed', error: 'no answer within 300 ms' })
  })

  it('counts by its status an answer whose body does not end', async () => {
    const url = await serve((_request, response) => drip(() => response.write('x')))
    expect(await send(NO_GUARD, { url, ...HELLO, timeoutMs: 1000 })).toMatchObject({ kind: 'answered', status: 200 })
  })

  it('cuts off an endless answer, whose status decides', async () => {
    const closed = vi.fn<() => void>()
    const url = await serve((_request, response) => {
      response.writeHead(200).on('close', closed)
      const fill = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      }
      response.on('drain', fill)
      fill()
    })
    expect(await send(NO_GUARD, { url, ...HELLO })).toMatchObject({ kind: 'answered', status: 200 })
    await vi.waitFor(() => expect(closed).toHaveBeenCalled(), WAIT)
  })

  it('fails for a closed port, a reset connection and an invalid URL', async () => {
    const url = await serve(({ socket }) => void socket.resetAndDestroy())
    for (const dead of [url, 'http://127.0.0.1:1/', 'nonsense']) {
      expect(await send(NO_GUARD, { url: dead, ...HELLO })).toMatchObject({ kind: 'failed' })
    }
  })

  it('is not sent to a private address where a resolver checks names', async () => {
    const receiver = vi.fn<Listener>((_request, response) => void response.end())
    const url = await serve(receiver)
    const guard: WebhookGuard = { kind: 'resolver', url: await serve(resolveTo({ 'inside.test': ['10.0.0.7'] })) }
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', 'localhost', 'inside.test']) {
      const answer = await send(guard, { url: url.replace('127.0.0.1', host), ...HELLO })
      expect(answer).toMatchObject({ kind: 'failed', error: expect.stringContaining('private address') })
    }
    expect(receiver).not.toHaveBeenCalled()
  })

  it('is sent where all addresses of the name are public', async () => {
    const asked: string[] = []
    const resolver = resolveTo({ 'receiver.invalid': ['93.184.216.34', '2606:4700::1111'] }, asked)
    const guard: WebhookGuard = { kind: 'resolver', url: await serve(resolver) }
    const answer = await send(guard, { url: 'http://receiver.invalid/hook', ...HELLO })
    expect(answer).toMatchObject({ kind: 'failed', error: expect.not.stringMatching(/private|resolved|no address/) })
    expect(asked.toSorted((a, b) => a.localeCompare(b))).toEqual([
      '/hook?name=receiver.invalid&type=A',
      '/hook?name=receiver.invalid&type=AAAA',
    ])
  })

  it('arrives unchanged through an egress service', async () => {
    const arrived: (readonly [IncomingMessage['headers'], string])[] = []
    const url = await serve(async (request, response) => {
      arrived.push([request.headers, await text(request)])
      response.writeHead(503, { 'retry-after': '9' }).end()
    })
    await using egress = await startEgressService('secret', { allowPrivateNetworks: true })
    const guard: WebhookGuard = { kind: 'egress', url: egress.origin, token: 'secret' }
    expect(await send(guard, { url, ...HELLO })).toEqual({ kind: 'answered', status: 503, retryAfter: '9' })
    expect(arrived).toEqual([[expect.objectContaining(HELLO.headers), HELLO.body]])
    expect(arrived[0]?.[0]).not.toHaveProperty('authorization')
    expect(arrived[0]?.[0]).not.toHaveProperty('x-target-url')
  })

  it('fails with the reason of an egress service, whose own success status does not count', async () => {
    await using egress = await startEgressService('secret', { allowPrivateNetworks: false })
    const receiver = await serve((_request, response) => void response.end())
    const by = (url: string, token: string) => send({ kind: 'egress', url, token }, { url: receiver, ...HELLO })
    const refused = await by(egress.origin, 'secret')
    expect(refused).toMatchObject({ kind: 'failed', error: expect.stringContaining('127.0.0.1 is a private address') })
    const stranger = await by(egress.origin, 'guess')
    expect(stranger).toEqual({ kind: 'failed', error: 'the egress service did not deliver: it answered 401' })
    const none = await by(receiver, 'secret')
    expect(none).toEqual({ kind: 'failed', error: 'the egress service did not deliver: it answered 200' })
  })
})

function resolveTo(addresses: Readonly<Record<string, readonly string[]>>, asked: string[] = []): Listener {
  return (request, response) => {
    asked.push(request.url ?? '')
    const { searchParams } = new URL(request.url ?? '', 'http://resolver')
    const type = searchParams.get('type') === 'A' ? 1 : 28
    const found = (addresses[searchParams.get('name') ?? ''] ?? []).filter(
      (data) => data.includes(':') === (type === 28),
    )
    const Answer = found.map((data) => ({ type, data }))
    response.writeHead(200, { 'content-type': 'application/dns-json' }).end(JSON.stringify({ Status: 0, Answer }))
  }
}

function dripHeaders(socket: IncomingMessage['socket']): void {
  socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
  drip(() => socket.write('x'))
}

function drip(write: () => boolean): void {
  const timer = setInterval(write, 20)
  onTestFinished(() => clearInterval(timer))
}
