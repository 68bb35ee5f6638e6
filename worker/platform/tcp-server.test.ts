import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

import { describe, expect, test } from 'vitest'

import { makeCertificate } from '../../shared/testing/certificate.ts'
import { until } from '../../shared/testing/until.ts'
import { startTcpServer, type TcpConnection, type TlsFiles } from './tcp-server.ts'

/** Starts a server with room for this many connections, which counts what it has taken and released. */
async function startServer(tls: TlsFiles | null, places: number) {
  const connections: TcpConnection[] = []
  let taken = 0
  const server = await startTcpServer({
    host: '127.0.0.1',
    port: 0,
    tls,
    maxConnections: 100,
    admit: () => {
      if (taken >= places) return null
      taken++
      let isReleased = false
      return () => {
        if (!isReleased) taken--
        isReleased = true
      }
    },
    onConnection: (connection) => connections.push(connection),
  })
  return { ...server, connections, taken: () => taken }
}

/** Opens a connection, and returns whether it is closed. */
async function open(port: number, tls: TlsFiles | null) {
  const socket = tls === null ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ca: tls.cert })
  let isClosed = false
  socket
    .on('error', () => {})
    .on('close', () => {
      isClosed = true
    })
  socket.resume()
  return { socket, isClosed: () => isClosed }
}

describe.each([
  ['TCP', null],
  ['TLS', makeCertificate()],
])('a server over %s', (_name, tls) => {
  test('closes the connections that are not admitted, and frees the place of one that ends', async () => {
    await using server = await startServer(tls, 1)
    const first = await open(server.port, tls)
    await until(() => server.connections.length === 1, 'the first connection is accepted')
    expect(server.connections[0]?.address).toBe('127.0.0.1')
    const second = await open(server.port, tls)
    await until(second.isClosed, 'the second connection is closed')
    expect(first.isClosed()).toBe(false)
    first.socket.destroy()
    await until(() => server.taken() === 0, 'the place is free')
    const third = await open(server.port, tls)
    await until(() => server.connections.length === 2, 'the third connection is accepted')
    third.socket.destroy()
  })

  test('frees a place early where the connection is trusted', async () => {
    await using server = await startServer(tls, 1)
    const { socket } = await open(server.port, tls)
    await until(() => server.connections.length === 1, 'the connection is accepted')
    server.connections[0]?.release()
    expect(server.taken()).toBe(0)
    socket.destroy()
  })
})

test('a client that speaks no TLS is closed, and the server goes on', async () => {
  const tls = makeCertificate()
  await using server = await startServer(tls, 5)
  const plain = await open(server.port, null)
  plain.socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(plain.isClosed, 'the client without TLS is closed')
  const { socket } = await open(server.port, tls)
  await until(() => server.connections.length === 1, 'the next client is accepted')
  socket.destroy()
})

test('a port that is taken is an error with its code', async () => {
  await using server = await startServer(null, 1)
  const again = startTcpServer({
    host: '127.0.0.1',
    port: server.port,
    tls: null,
    maxConnections: 1,
    admit: () => null,
    onConnection: () => {},
  })
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('a server that stops listening keeps its connections', async () => {
  await using server = await startServer(null, 5)
  const { socket, isClosed } = await open(server.port, null)
  await until(() => server.connections.length === 1, 'the connection is accepted')
  server.stopListening()
  const late = await open(server.port, null)
  await until(late.isClosed, 'a later connection fails')
  server.connections[0]?.stream.write('still here')
  socket.pause()
  await once(socket, 'readable')
  expect(isClosed()).toBe(false)
  socket.destroy()
})
