import { connect } from 'node:net'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { startStreamServer, type StreamReply, type StreamRequest } from './stream-server.ts'

/** Starts a server that answers in this way, and collects the errors. */
async function startServer(handle: (request: StreamRequest) => Promise<StreamReply>) {
  const errors: unknown[] = []
  const server = await startStreamServer({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 10,
    handle,
    onError: (error) => errors.push(error),
  })
  return { ...server, errors, url: `http://127.0.0.1:${server.port}` }
}

test('a body is sent as it comes into being', async () => {
  await using server = await startServer(async ({ method, path, header }) => ({
    status: 200,
    headers: { 'x-heard': `${method} ${path} ${header('x-name')}` },
    body: async (write) => {
      await write(Buffer.from('ab'))
      await write(Buffer.from('c'))
    },
  }))
  const response = await fetch(`${server.url}/x?y=1`, { headers: { 'x-name': 'n' } })
  expect(response.headers.get('x-heard')).toBe('GET /x?y=1 n')
  expect(await response.text()).toBe('abc')
})

test('a handler that fails is answered with 500, and a body that fails is cut', async () => {
  let calls = 0
  await using server = await startServer(async () => {
    calls++
    if (calls === 1) throw new Error('no answer')
    return { status: 200, body: () => Promise.reject(new Error('no body')) }
  })
  expect((await fetch(server.url)).status).toBe(500)
  await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow('terminated')
  expect(server.errors.map(String)).toEqual(['Error: no answer', 'Error: no body'])
})

test('writing waits for a slow client, and fails once it has left', async () => {
  let written = 0
  let outcome: unknown = null
  await using server = await startServer(async () => ({
    status: 200,
    body: async (write) => {
      try {
        for (;;) {
          await write(Buffer.alloc(1 << 20))
          written++
        }
      } catch (error) {
        outcome = error
        throw error
      }
    },
  }))
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => written > 0, 'the first bytes are written')
  expect(written).toBeLessThan(100)
  socket.destroy()
  await until(() => outcome !== null, 'writing has failed')
  expect(String(outcome)).toContain('the client has left')
})
