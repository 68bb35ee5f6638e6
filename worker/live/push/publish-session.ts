/**
 * The client's side of an RTMP connection that publishes. The house has a client of its own because the stream key must not
 * stand in a process list: ffmpeg takes the URL of its output, key included, as an argument only. The messages of a broadcast
 * are passed on as they are, so that nothing of ffmpeg's would be used beside this. It does no input or output itself.
 */

import { randomBytes } from 'node:crypto'

import type { RtmpServer } from '../../../shared/net/rtmp-url.ts'
import { readTextProperty, type AmfValue } from '../ingest/rtmp/amf0-value.ts'
import { encodeAmf0, toAmfObject } from '../ingest/rtmp/amf0-writer.ts'
import { createChunkReader, type ChunkReader } from '../ingest/rtmp/chunk-reader.ts'
import { encodeChunks } from '../ingest/rtmp/chunk-writer.ts'
import {
  composeControl,
  composeUserControl,
  readCommand,
  USER_EVENT,
  type RtmpCommand,
} from '../ingest/rtmp/commands.ts'
import { RtmpError } from '../ingest/rtmp/rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'
import { describeRefusal, type PushRefusal } from './describe-refusal.ts'

/** A server of another platform, and the stream key there. */
export type PublishTarget = { readonly server: RtmpServer; readonly key: string }

/** Where a publication stands. `publishing`: the server takes media. `over`: it refuses, or has ended the publication. */
export type PublishPhase =
  | { readonly kind: 'handshake' | 'connecting' | 'deciding' | 'publishing' }
  | { readonly kind: 'over'; readonly refusal: PushRefusal }

export type PublishSession = {
  /** Sends the first bytes. */
  start(): void
  /**
   * Takes bytes of the server, answers them, and returns where the publication stands.
   * @throws RtmpError
   */
  receive(bytes: Buffer): PublishPhase
  phase(): PublishPhase
  /** Returns the chunks of a message of media. */
  encode(message: RtmpMessage): Buffer
  /** Sends the server that the publication is over. */
  unpublish(): void
}

const VERSION = 3
const PART_BYTES = 1536
const OUTPUT_CHUNK_BYTES = 4096
const DEFAULT_CHUNK_BYTES = 128
/** Messages of a server are small. */
const LIMITS = { messageBytes: 65_536, pendingBytes: 131_072 }
const WINDOW_BYTES = 2_500_000
const MIN_WINDOW_BYTES = 65_536
const CHUNK_STREAM = { control: 2, command: 3, audio: 4, data: 5, video: 6 } as const
/** Numbers of the commands that have an answer (RTMP 1.0 §7.2). */
const TRANSACTION = { connect: 1, releaseStream: 2, fcPublish: 3, createStream: 4, publish: 5, unpublish: 6 } as const
/** Many servers do not know releaseStream and FCPublish. */
const OPTIONAL: ReadonlySet<number> = new Set([TRANSACTION.releaseStream, TRANSACTION.fcPublish, TRANSACTION.unpublish])
/** Codecs beyond those of FLV 10.1 that a broadcast may have (Enhanced RTMP v2, "fourCcList"). */
const FOUR_CCS = ['avc1', 'hvc1', 'av01', 'mp4a', 'Opus']

type PublishState = {
  readonly target: PublishTarget
  readonly write: (bytes: Buffer) => void
  readonly chunks: ChunkReader
  /** The bytes of the handshake so far; `null` after it. */
  handshake: Buffer | null
  phase: PublishPhase
  chunkBytes: number
  /** The message stream of the publication. */
  streamId: number
  receivedBytes: number
  acknowledgedBytes: number
  windowBytes: number
}

/** Creates the client's side of a connection; `write` sends bytes to the server. */
export function createPublishSession(target: PublishTarget, write: (bytes: Buffer) => void): PublishSession {
  const state: PublishState = {
    target,
    write,
    chunks: createChunkReader(LIMITS),
    handshake: Buffer.alloc(0),
    phase: { kind: 'handshake' },
    chunkBytes: DEFAULT_CHUNK_BYTES,
    streamId: 1,
    receivedBytes: 0,
    acknowledgedBytes: 0,
    windowBytes: WINDOW_BYTES,
  }
  return {
    // C0 and C1, whose time and zero are four bytes each (RTMP 1.0 §5.2.3).
    start: () => write(Buffer.concat([Buffer.from([VERSION]), randomBytes(PART_BYTES).fill(0, 0, 8)])),
    receive: (bytes) => {
      state.receivedBytes += bytes.length
      if (state.handshake === null) state.chunks.append(bytes)
      else receiveHandshake(state, state.handshake, bytes)
      if (state.handshake === null) handleMessages(state)
      return state.phase
    },
    phase: () => state.phase,
    encode: (message) =>
      encodeChunks({ ...message, streamId: state.streamId }, chunkStreamOf(message), state.chunkBytes),
    unpublish: () => {
      if (state.phase.kind !== 'publishing') return
      sendCommand(state, 'FCUnpublish', TRANSACTION.unpublish, null, target.key)
      sendCommand(state, 'deleteStream', 0, null, state.streamId)
    },
  }
}

function chunkStreamOf({ type }: RtmpMessage): number {
  if (type === MESSAGE_TYPE.audio) return CHUNK_STREAM.audio
  return type === MESSAGE_TYPE.video ? CHUNK_STREAM.video : CHUNK_STREAM.data
}

/** Waits for S0, S1 and S2, answers with C2, which repeats S1, and connects (RTMP 1.0 §5.2). */
function receiveHandshake(state: PublishState, before: Buffer, bytes: Buffer): void {
  const received = Buffer.concat([before, bytes])
  if (received.length > 0 && received[0] !== VERSION) throw new RtmpError('the server does not speak RTMP')
  const end = 1 + 2 * PART_BYTES
  state.handshake = received.length < end ? received : null
  if (received.length < end) return
  state.write(Buffer.from(received.subarray(1, 1 + PART_BYTES)))
  state.chunks.append(received.subarray(end))
  state.phase = { kind: 'connecting' }
  connect(state)
}

function connect(state: PublishState): void {
  const { app, href } = state.target.server
  sendControl(state, composeControl(MESSAGE_TYPE.setChunkSize, OUTPUT_CHUNK_BYTES))
  state.chunkBytes = OUTPUT_CHUNK_BYTES
  const object = toAmfObject({
    app,
    type: 'nonprivate',
    flashVer: 'FMLE/3.0 (compatible; Tallylight)',
    tcUrl: href,
    fourCcList: FOUR_CCS,
  })
  sendCommand(state, 'connect', TRANSACTION.connect, object)
}

function handleMessages(state: PublishState): void {
  for (let message = state.chunks.next(); message !== null; message = state.chunks.next()) {
    if (state.phase.kind === 'over') return
    handleMessage(state, message)
  }
  acknowledge(state)
}

/** Acknowledges what was received, once per window (RTMP 1.0 §5.4.3). */
function acknowledge(state: PublishState): void {
  if (state.receivedBytes - state.acknowledgedBytes < state.windowBytes) return
  state.acknowledgedBytes = state.receivedBytes
  sendControl(state, composeControl(MESSAGE_TYPE.acknowledgement, state.receivedBytes % 2 ** 32))
}

function handleMessage(state: PublishState, message: RtmpMessage): void {
  const { type, body } = message
  switch (type) {
    case MESSAGE_TYPE.command:
    case MESSAGE_TYPE.commandAmf3:
      return handleCommand(state, readCommand(message))
    case MESSAGE_TYPE.windowAckSize:
      if (body.length >= 4) state.windowBytes = Math.max(MIN_WINDOW_BYTES, body.readUInt32BE())
      return
    case MESSAGE_TYPE.setPeerBandwidth:
      return sendControl(state, composeControl(MESSAGE_TYPE.windowAckSize, WINDOW_BYTES))
    case MESSAGE_TYPE.userControl:
      if (body.length >= 6 && body.readUInt16BE() === USER_EVENT.pingRequest)
        sendControl(state, composeUserControl(USER_EVENT.pingResponse, body.readUInt32BE(2)))
  }
}

function handleCommand(state: PublishState, command: RtmpCommand): void {
  const { name, transactionId, args } = command
  const status = args[0]
  switch (name) {
    case '_result':
      if (transactionId === TRANSACTION.connect) createStream(state)
      else if (transactionId === TRANSACTION.createStream) publish(state, status)
      return
    case '_error':
      if (!OPTIONAL.has(transactionId)) refuse(state, status ?? command.object)
      return
    case 'close':
      return refuse(state, undefined)
    case 'onStatus':
      handleStatus(state, status)
  }
}

function handleStatus(state: PublishState, status: AmfValue | undefined): void {
  const code = readTextProperty(status, 'code') ?? ''
  if (code === 'NetStream.Publish.Start') {
    if (state.phase.kind === 'deciding') state.phase = { kind: 'publishing' }
  } else if (readTextProperty(status, 'level') === 'error' || /Unpublish|Closed|Failed|Rejected/.test(code)) {
    refuse(state, status)
  }
}

function createStream(state: PublishState): void {
  if (state.phase.kind !== 'connecting') return
  const { key } = state.target
  sendCommand(state, 'releaseStream', TRANSACTION.releaseStream, null, key)
  sendCommand(state, 'FCPublish', TRANSACTION.fcPublish, null, key)
  sendCommand(state, 'createStream', TRANSACTION.createStream, null)
}

function publish(state: PublishState, streamId: AmfValue | undefined): void {
  if (state.phase.kind !== 'connecting') return
  if (typeof streamId === 'number' && streamId > 0 && streamId < 2 ** 32) state.streamId = Math.floor(streamId)
  state.phase = { kind: 'deciding' }
  sendCommand(state, 'publish', TRANSACTION.publish, null, state.target.key, 'live')
}

function refuse(state: PublishState, status: AmfValue | undefined): void {
  const wasPublishing = state.phase.kind === 'publishing'
  const [code, description] = ['code', 'description'].map((name) => readTextProperty(status, name) ?? '')
  const words = { code: code ?? '', description: description ?? '' }
  state.phase = { kind: 'over', refusal: describeRefusal(words, state.target.key, wasPublishing) }
}

function sendCommand(state: PublishState, name: string, transactionId: number, ...args: readonly AmfValue[]): void {
  const streamId = name === 'publish' ? state.streamId : 0
  const body = encodeAmf0(name, transactionId, ...args)
  const message = { type: MESSAGE_TYPE.command, streamId, timestamp: 0, body }
  state.write(encodeChunks(message, CHUNK_STREAM.command, state.chunkBytes))
}

function sendControl(state: PublishState, message: RtmpMessage): void {
  state.write(encodeChunks(message, CHUNK_STREAM.control, state.chunkBytes))
}
