import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import { describe, expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { newUuid } from '../../../shared/ids.ts'
import { until } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import { startTcpServer } from '../../platform/tcp-server.ts'
import { encodeUint32 } from './rtmp/chunk-writer.ts'
import { MESSAGE_TYPE } from './rtmp/rtmp-message.ts'
import { createSessionMedia } from './media/session-media.ts'
import { openRtmpClient, startPublisher } from '../testing/rtmp-client.ts'
import { createPublisherRegistry } from './publisher-registry.ts'
import { serveConnection, type ConnectionDeadlines, type EncoderConnection } from './serve-connection.ts'

const FOREVER = { handshakeMs: 1e9, publishMs: 1e9, idleMs: 1e9 }
const SWEEP_MS = 20

/** Starts a server whose connections have these deadlines. Every encoder may publish. */
async function startServer(deadlines: Partial<ConnectionDeadlines>) {
  const clock = createClock()
  const registry = createPublisherRegistry({ nowMs: () => clock.nowMs(), onChange: () => {} })
  const connections = new Set<EncoderConnection>()
  const context = {
    registry,
    authorize: async () => ({ kind: 'accepted', streamId: newUuid() }) as const,
    createToken: () => newUuid(),
    createMedia: () => createSessionMedia(0, { capacityBytes: () => 1 << 26, journal: null }),
    nowMs: () => clock.nowMs(),
    deadlines: { ...FOREVER, ...deadlines },
    log: createLog('test', 'error', () => {}),
  }
  const server = await startTcpServer({
    host: '127.0.0.1',
    port: 0,
    tls: null,
    maxConnections: 100,
    admit: () => () => {},
    onConnection: (connection) => connections.add(serveConnection(connection, context)),
  })
  const sweep = setInterval(() => {
    for (const connection of connections) connection.checkDeadlines()
  }, SWEEP_MS)
  return {
    port: server.port,
    endings: () => registry.describe().map(({ ended }) => ended),
    async [Symbol.asyncDispose]() {
      clearInterval(sweep)
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Sends a byte again and again until the connection closes. */
function drip(socket: Socket, byte: number): void {
  const timer = setInterval(() => socket.write(Buffer.from([byte])), SWEEP_MS)
  socket.on('close', () => clearInterval(timer))
}

describe.concurrent('a connection', () => {
  test('that drips its handshake is closed in time', async () => {
    await using server = await startServer({ handshakeMs: 300 })
    const socket = connect(server.port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.resume()
    drip(socket, 3)
    await once(socket, 'close')
  })

  test('that publishes nothing is closed in time, though it sends', async () => {
    await using server = await startServer({ publishMs: 300 })
    await using client = await openRtmpClient(server.port)
    drip(client.socket, 2)
    await until(client.isClosed, 'the connection is closed')
    expect(server.endings()).toEqual([])
  })

  test('whose encoder falls silent is closed, and the reason is kept', async () => {
    await using server = await startServer({ idleMs: 400 })
    await using client = await startPublisher(server.port, 'key')
    await until(client.isClosed, 'the connection is closed')
    expect(server.endings()).toEqual(['the encoder sent nothing for 0.4 s'])
  })

  test('whose encoder sends bytes, but never a whole frame, is closed', async () => {
    await using server = await startServer({ idleMs: 400 })
    await using client = await startPublisher(server.port, 'key')
    const announced = Buffer.from([6, 0, 0, 0, 0x0f, 0, 0, 9, 1, 0, 0, 0])
    client.socket.write(announced)
    drip(client.socket, 7)
    await until(client.isClosed, 'the connection is closed')
    expect(server.endings()).toEqual(['the encoder sent nothing for 0.4 s'])
  })

  test('that asks for answers and does not read them is closed', async () => {
    await using server = await startServer({})
    await using client = await openRtmpClient(server.port)
    await using publisher = await startPublisher(server.port, 'key')
    publisher.socket.pause()
    const ping = Buffer.concat([Buffer.from([0, 6]), encodeUint32(1)])
    let isClosed = false
    publisher.socket.on('close', () => {
      isClosed = true
    })
    const flood = () => {
      for (let i = 0; i < 5000; i++)
        publisher.send({ type: MESSAGE_TYPE.userControl, streamId: 0, timestamp: 0, body: ping }, 2)
      return isClosed || publisher.socket.destroyed
    }
    await until(flood, 'the connection is closed')
    expect(client.isClosed()).toBe(false)
  })
})
