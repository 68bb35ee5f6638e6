import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

import { until } from '../../../shared/testing/until.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import { readAmf0 } from '../ingest/rtmp/amf0-reader.ts'
import { readTextProperty, type AmfValue } from '../ingest/rtmp/amf0-value.ts'
import { encodeAmf0, toAmfObject } from '../ingest/rtmp/amf0-writer.ts'
import { createChunkReader } from '../ingest/rtmp/chunk-reader.ts'
import { encodeChunks, encodeUint32 } from '../ingest/rtmp/chunk-writer.ts'
import { MESSAGE_TYPE, type RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'

/** A status that the server sent. */
export type RtmpStatus = { readonly level: string; readonly code: string; readonly description: string }

/** A client of RTMP over a real socket that sends exactly what a test wants. Disposing of it closes the socket. */
export type RtmpClient = AsyncDisposable & {
  readonly socket: Socket
  /** The messages of the server so far. */
  readonly messages: readonly RtmpMessage[]
  readonly isClosed: () => boolean
  send(message: RtmpMessage, chunkStreamId?: number): void
  command(name: string, ...args: readonly AmfValue[]): void
  /** Sends a tag of FLV as a message, with another timestamp if one is given. */
  sendTag(tag: FlvTag, timestampMs?: number): void
  statuses(): readonly RtmpStatus[]
  waitForStatus(code: string): Promise<RtmpStatus>
}

const LIMITS = { messageBytes: 1 << 20, pendingBytes: 1 << 20 }
const CHUNK_BYTES = 4096
const HANDSHAKE_BYTES = 1 + 2 * 1536

/** Opens a connection, and completes the handshake. */
export async function openRtmpClient(port: number, tls?: { readonly ca: string }): Promise<RtmpClient> {
  const socket = tls === undefined ? connectTcp(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ca: tls.ca })
  socket.on('error', () => {})
  await once(socket, tls === undefined ? 'connect' : 'secureConnect')
  const messages: RtmpMessage[] = []
  const reader = createChunkReader(LIMITS)
  let handshake: Buffer | null = Buffer.alloc(0)
  let isClosed = false
  const append = (bytes: Buffer) => {
    reader.append(bytes)
    for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message)
  }
  socket.on('close', () => {
    isClosed = true
  })
  socket.on('data', (bytes: Buffer) => {
    if (handshake === null) return append(bytes)
    handshake = Buffer.concat([handshake, bytes])
    if (handshake.length < HANDSHAKE_BYTES) return
    const rest = handshake.subarray(HANDSHAKE_BYTES)
    handshake = null
    append(rest)
  })
  socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]))
  await until(() => handshake === null || isClosed, 'the handshake is complete')
  socket.write(Buffer.alloc(1536))
  return createClient(socket, messages, () => isClosed)
}

function createClient(socket: Socket, messages: readonly RtmpMessage[], isClosed: () => boolean): RtmpClient {
  let transactionId = 0
  let chunkBytes = 128
  const send = (message: RtmpMessage, chunkStreamId = 3) => {
    if (!socket.destroyed) socket.write(encodeChunks(message, chunkStreamId, chunkBytes))
    if (message.type === MESSAGE_TYPE.setChunkSize) chunkBytes = message.body.readUInt32BE()
  }
  send({ type: MESSAGE_TYPE.setChunkSize, streamId: 0, timestamp: 0, body: encodeUint32(CHUNK_BYTES) }, 2)
  const statuses = () => messages.filter(({ type }) => type === MESSAGE_TYPE.command).flatMap(readStatus)
  return {
    socket,
    messages,
    isClosed,
    send,
    statuses,
    command: (name, ...args) =>
      send({
        type: MESSAGE_TYPE.command,
        streamId: name === 'publish' ? 1 : 0,
        timestamp: 0,
        body: encodeAmf0(name, ++transactionId, ...args),
      }),
    sendTag: ({ type, timestampMs, body }, timestamp = timestampMs) =>
      send({ type, streamId: 1, timestamp, body }, type === 9 ? 6 : 4),
    waitForStatus: async (code) => {
      const find = () => statuses().find((status) => status.code === code)
      await until(() => find() !== undefined || isClosed(), `the server sends ${code}`)
      const status = find()
      if (status === undefined) throw new Error(`closed before ${code}: ${JSON.stringify(statuses())}`)
      return status
    },
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await until(isClosed, 'the socket is closed')
    },
  }
}

function readStatus({ body }: RtmpMessage): readonly RtmpStatus[] {
  const value = readAmf0(body).at(-1)
  const code = readTextProperty(value, 'code')
  if (code === null) return []
  const [level, description] = ['level', 'description'].map((name) => readTextProperty(value, name) ?? '')
  return [{ level: level ?? '', code, description: description ?? '' }]
}

/** Opens a connection, and asks to publish under a key. The answer is not awaited. */
export async function openPublisher(port: number, key: string, tls?: { readonly ca: string }): Promise<RtmpClient> {
  const client = await openRtmpClient(port, tls)
  client.command('connect', toAmfObject({ app: 'live', tcUrl: `rtmp://127.0.0.1:${port}/live` }))
  client.command('releaseStream', null, key)
  client.command('createStream', null)
  client.command('publish', null, key, 'live')
  return client
}

/** Publishes under a key; the server has accepted it. */
export async function startPublisher(port: number, key: string): Promise<RtmpClient> {
  const client = await openPublisher(port, key)
  await client.waitForStatus('NetStream.Publish.Start')
  return client
}
