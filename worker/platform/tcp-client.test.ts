import { createServer, type AddressInfo, type Server } from 'node:net'

import { expect, test } from 'vitest'

import { type DnsLookup } from '../../shared/net/guarded-lookup.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { connectTcp, type TcpClientOptions } from './tcp-client.ts'

const never = new AbortController().signal

/** Starts a server that accepts connections and says nothing. */
async function startSilentServer() {
  let connections = 0
  const server: Server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    connections: () => connections,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}

const connectTo = (port: number, more: Partial<TcpClientOptions> = {}) =>
  connectTcp({
    hostname: '127.0.0.1',
    port,
    isSecure: false,
    policy: { allowPrivateNetworks: true },
    timeoutMs: PATIENCE_MS,
    signal: never,
    ...more,
  })

test('a name that resolves to this machine is not connected to where private networks are forbidden', async () => {
  await using server = await startSilentServer()
  const resolve: DnsLookup = (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
  const policy = { allowPrivateNetworks: false }
  for (const hostname of ['rebound.example.com', '127.0.0.1', '::ffff:127.0.0.1', 'localhost']) {
    for (const isSecure of [false, true]) {
      const connecting = await connectTo(server.port, { hostname, isSecure, policy, resolve })
      expect(connecting).toMatchObject({ kind: 'failed', problem: 'address_forbidden' })
    }
  }
  expect(server.connections()).toBe(0)
})

test('a server that accepts and never completes the handshake of TLS is left after the time-out', async () => {
  await using server = await startSilentServer()
  const connecting = await connectTo(server.port, { isSecure: true, timeoutMs: 200 })
  expect(connecting).toMatchObject({ kind: 'failed', problem: 'timeout' })
})

test('an abort ends the wait, and a server that is not there is a reason in words', async () => {
  const server = await startSilentServer()
  const abort = new AbortController()
  const waiting = connectTo(server.port, { isSecure: true, signal: abort.signal })
  abort.abort()
  expect(await waiting).toEqual({ kind: 'aborted' })
  expect(await connectTo(server.port, { signal: abort.signal })).toEqual({ kind: 'aborted' })
  await server[Symbol.asyncDispose]()
  expect(await connectTo(server.port)).toEqual({
    kind: 'failed',
    problem: 'unreachable',
    reason: 'the server does not accept a connection: ECONNREFUSED',
  })
})
