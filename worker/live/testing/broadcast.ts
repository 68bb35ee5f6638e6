import { once } from 'node:events'
import { connect } from 'node:net'

import type { IngestSource } from '../../../shared/contract/live.ts'
import { until } from '../../../shared/testing/until.ts'
import { encodeFlvTag, TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readAudioPayload, readVideoPayload } from '../flv/media-payload.ts'
import { startIngestGateway } from './ingest-gateway.ts'
import { startIngestWorker } from './ingest-worker.ts'
import { startPublisher, type RtmpClient } from './rtmp-client.ts'
import { openSession } from './session-reader.ts'

/** The stream key of the broadcasts. */
export const KEY = 'a-stream-key-that-nothing-may-show'

/** Returns whether a tag holds a frame of sound or picture. */
export function isFrame({ type, body }: FlvTag): boolean {
  if (type === TAG_TYPE.script) return false
  const { kind } = type === TAG_TYPE.audio ? readAudioPayload(body) : readVideoPayload(body)
  return kind === 'key_frame' || kind === 'frame'
}

/** Returns the frames from a time on, each as the bytes of its tag. */
export function framesOf(tags: readonly FlvTag[], fromMs = 0): readonly string[] {
  return tags
    .filter((tag) => isFrame(tag) && tag.timestampMs >= fromMs)
    .map((tag) => encodeFlvTag(tag).toString('base64'))
}

/** Sends tags, with other timestamps where `shift` changes them. */
export function publish(client: RtmpClient, tags: readonly FlvTag[], shift: (ms: number) => number = (ms) => ms): void {
  for (const tag of tags) client.sendTag(tag, shift(tag.timestampMs))
}

/** Starts a gateway and an ingest worker, and publishes under `KEY`. `nowMs`: the gateway's time. */
export async function startBroadcast(nowMs = Date.now) {
  const gateway = await startIngestGateway({ keys: [KEY], nowMs })
  const worker = await startIngestWorker(gateway.origin)
  const client = await startPublisher(worker.rtmpPort, KEY)
  const source = gateway.requests()[0]?.source
  if (source === undefined) throw new Error('the gateway has no request')
  return {
    gateway,
    worker,
    client,
    source,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await worker[Symbol.asyncDispose]()
      await gateway[Symbol.asyncDispose]()
    },
  }
}

/** Sends tags, and opens a reader of all of them. */
export async function startReaderAfter(client: RtmpClient, tags: readonly FlvTag[], source: IngestSource) {
  publish(client, tags)
  return openSession(source, 0)
}

/** Opens a TCP connection that sends these bytes and nothing else. */
export async function connectRaw(port: number, bytes?: Buffer) {
  const socket = connect(port, '127.0.0.1')
  let isClosed = false
  socket
    .on('error', () => {})
    .on('close', () => {
      isClosed = true
    })
  await once(socket, 'connect')
  socket.resume()
  if (bytes !== undefined) socket.write(bytes)
  return {
    isClosed: () => isClosed,
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await until(() => isClosed, 'the socket is closed')
    },
  }
}
