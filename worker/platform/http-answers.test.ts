/** Answers that break a rule of HTTP and that players read. */

import net, { type AddressInfo } from 'node:net'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createFetcher } from './http.ts'

/** Fetches from a server that writes this answer and keeps the connection, or closes it. */
async function fetchAnswer(answer: string, { isClosed = false } = {}): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => (isClosed ? socket.end(answer) : socket.write(answer)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fetcher = createFetcher({
    policy: { allowPrivateNetworks: true },
    proxies: { http: null, https: null, bypass: null },
  })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const limits = { timeoutMs: PATIENCE_MS / 2, maxBytes: 1000, signal: new AbortController().signal }
  const fetched = await fetcher.get(`http://127.0.0.1:${port}/`, limits)
  return fetched.kind === 'ok' ? Buffer.from(fetched.bytes).toString() : fetched.failure.message
}

describe('an answer is read', () => {
  test.each([201, 203, 226])('with the status %i', async (status) => {
    expect(await fetchAnswer(`HTTP/1.1 ${status} Fine\r\nContent-Length: 5\r\n\r\nhello`)).toBe('hello')
  })

  test.each([204, 205])('as a failure with the status %i, which has no body', async (status) => {
    expect(await fetchAnswer(`HTTP/1.1 ${status} Empty\r\nContent-Length: 0\r\n\r\n`)).toBe(`HTTP ${status}`)
  })

  test('up to its length where it is not in chunks, on a connection that is kept', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n'
    expect(await fetchAnswer(`${head}hello`)).toBe('hello')
    expect(await fetchAnswer(`${head}hel`, { isClosed: true })).toContain('before the end of the body')
  })
})
