import { splitAggregate } from './aggregate.ts'
import { createChunkReader, type ChunkLimits, type ChunkReader } from './chunk-reader.ts'
import { composeControl, composeUserControl, readCommand, readDataMessage, USER_EVENT } from './commands.ts'
import { handleCommand, WINDOW_BYTES } from './handle-command.ts'
import { createHandshake } from './handshake.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'
import { sendControl, sendStatus, type RtmpEvent, type RtmpSessionState } from './session-state.ts'

/** The server's side of a connection on which a client publishes. It does no input or output itself. */
export type RtmpSession = {
  /** @throws RtmpError */
  receive(bytes: Buffer): void
  /**
   * Returns what the client did next; `null` until more bytes come or a decision is made.
   * @throws RtmpError
   */
  nextEvent(): RtmpEvent | null
  hasHandshake(): boolean
  acceptPublish(): void
  /** Sends the client a reason in words why the publication will end. What it sends until then is still read. */
  announceEnd(description: string): void
  /** Sends the client an error with a reason in words, unless it has unpublished. The caller closes the connection. */
  refuse(description: string): void
}

/** Smallest window that a client may set: smaller ones would make the server answer each message. */
const MIN_WINDOW_BYTES = 65_536
/** Commands are small: a client that may not publish yet cannot make the server keep more. */
const COMMAND_LIMITS: ChunkLimits = { messageBytes: 65_536, pendingBytes: 131_072 }
const MEDIA_LIMITS: ChunkLimits = { messageBytes: 8 * 1024 * 1024, pendingBytes: 16 * 1024 * 1024 }
/** Most bytes that are read of a client that does not publish. */
const MAX_BYTES_BEFORE_PUBLISH = 1024 * 1024
/** Chunk size before the first Set Chunk Size (RTMP 1.0 §5.4.1). */
const DEFAULT_CHUNK_BYTES = 128

/** Creates the server's side of a connection; `write` sends bytes to the client. */
export function createRtmpSession(write: (bytes: Buffer) => void): RtmpSession {
  const state = createState(write)
  const handshake = createHandshake(write)
  const chunks = createChunkReader(COMMAND_LIMITS)
  return {
    hasHandshake: () => state.phase !== 'handshake',
    receive: (bytes) => {
      state.receivedBytes += bytes.length
      if (state.phase !== 'publishing' && state.receivedBytes > MAX_BYTES_BEFORE_PUBLISH)
        throw new RtmpError('too many bytes before a publication')
      if (state.phase !== 'handshake') return chunks.append(bytes)
      const rest = handshake.receive(bytes)
      if (rest === null) return
      state.phase = 'connecting'
      chunks.append(rest)
    },
    nextEvent: () => {
      acknowledge(state)
      return readEvent(state, chunks)
    },
    acceptPublish: () => {
      state.phase = 'publishing'
      chunks.setLimits(MEDIA_LIMITS)
      sendControl(state, composeUserControl(USER_EVENT.streamBegin, state.publishStreamId))
      sendStatus(state, { level: 'status', code: 'NetStream.Publish.Start', description: 'The broadcast is on air.' })
    },
    announceEnd: (description) => sendRefusal(state, description),
    refuse: (description) => {
      if (state.phase === 'closed') return
      state.phase = 'closed'
      sendRefusal(state, description)
    },
  }
}

function sendRefusal(state: RtmpSessionState, description: string): void {
  sendStatus(state, { level: 'error', code: 'NetStream.Publish.BadName', description })
}

function createState(write: (bytes: Buffer) => void): RtmpSessionState {
  return {
    write,
    events: [],
    phase: 'handshake',
    outputChunkBytes: DEFAULT_CHUNK_BYTES,
    receivedBytes: 0,
    acknowledgedBytes: 0,
    windowBytes: WINDOW_BYTES,
    messageStreams: 0,
    publishStreamId: 1,
  }
}

function readEvent(state: RtmpSessionState, chunks: ChunkReader): RtmpEvent | null {
  for (;;) {
    const event = state.events.shift()
    if (event !== undefined) return event
    if (['handshake', 'deciding', 'closed'].includes(state.phase)) return null
    const message = chunks.next()
    if (message === null) return null
    handleMessage(state, message)
  }
}

/** Acknowledges what was received, once per window (RTMP 1.0 §5.4.3). */
function acknowledge(state: RtmpSessionState): void {
  if (state.phase === 'handshake' || state.receivedBytes - state.acknowledgedBytes < state.windowBytes) return
  state.acknowledgedBytes = state.receivedBytes
  sendControl(state, composeControl(MESSAGE_TYPE.acknowledgement, state.receivedBytes % 2 ** 32))
}

function handleMessage(state: RtmpSessionState, message: RtmpMessage): void {
  switch (message.type) {
    case MESSAGE_TYPE.command:
    case MESSAGE_TYPE.commandAmf3:
      return handleCommand(state, readCommand(message), message.streamId)
    case MESSAGE_TYPE.aggregate:
      for (const part of splitAggregate(message)) handleMedia(state, part)
      return
    case MESSAGE_TYPE.windowAckSize:
    case MESSAGE_TYPE.userControl:
      return handleControl(state, message)
    default:
      return handleMedia(state, message)
  }
}

function handleControl(state: RtmpSessionState, { type, body }: RtmpMessage): void {
  if (type === MESSAGE_TYPE.windowAckSize && body.length >= 4)
    state.windowBytes = Math.min(WINDOW_BYTES, Math.max(MIN_WINDOW_BYTES, body.readUInt32BE()))
  else if (type === MESSAGE_TYPE.userControl && body.length >= 6 && body.readUInt16BE() === USER_EVENT.pingRequest)
    sendControl(state, composeUserControl(USER_EVENT.pingResponse, body.readUInt32BE(2)))
}

/** Passes on audio, video and data of the publication; what stands before it is ignored. */
function handleMedia(state: RtmpSessionState, message: RtmpMessage): void {
  if (state.phase !== 'publishing') return
  switch (message.type) {
    case MESSAGE_TYPE.audio:
    case MESSAGE_TYPE.video:
      state.events.push({ kind: 'media', message })
      return
    case MESSAGE_TYPE.data:
    case MESSAGE_TYPE.dataAmf3:
      state.events.push({ kind: 'data', values: readDataMessage(message) })
  }
}
