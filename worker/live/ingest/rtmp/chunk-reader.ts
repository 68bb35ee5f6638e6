import { readChunkHeader, type ChunkHeader } from './chunk-header.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'

/** Bounds of what a peer may make this side keep. */
export type ChunkLimits = {
  /** Largest body of a message. */
  readonly messageBytes: number
  /** Most bytes of the incomplete messages of all chunk streams. */
  readonly pendingBytes: number
}

/** An incremental reader of chunks. */
export type ChunkReader = {
  append(bytes: Buffer): void
  /**
   * Returns the next complete message, `null` until more bytes come. Set Chunk Size and Abort take effect here.
   * @throws RtmpError
   */
  next(): RtmpMessage | null
  setLimits(limits: ChunkLimits): void
}

/** What a chunk inherits from the chunks before it on its chunk stream (RTMP 1.0 §5.3.1.2), and the incomplete message. */
type ChunkStream = {
  timestamp: number
  /** The last time field: what a type 3 chunk that begins a message adds. */
  time: number
  isExtended: boolean
  length: number
  type: number
  streamId: number
  /** Memory of the incomplete message; `null` between messages. */
  body: Buffer | null
  received: number
}

type ChunkReaderState = {
  readonly streams: Map<number, ChunkStream>
  limits: ChunkLimits
  input: Buffer
  offset: number
  chunkBytes: number
  /** The chunk whose payload is read now, and how much of it is missing. */
  current: ChunkStream | null
  missing: number
  pendingBytes: number
}

/** Most chunk streams of a connection. Encoders use up to eight. */
const MAX_CHUNK_STREAMS = 64
/** Chunk size before the first Set Chunk Size (RTMP 1.0 §5.4.1). */
const DEFAULT_CHUNK_BYTES = 128
const MAX_CHUNK_BYTES = 0xffffff
/**
 * Share of the largest message that a message's first memory has. It doubles, so that a peer cannot reserve memory by
 * large lengths alone.
 */
const FIRST_BODY_SHARE = 1 / 128
const NOTHING = Buffer.alloc(0)

/** Creates a reader of chunks (RTMP 1.0 §5.3), to be used after the handshake. */
export function createChunkReader(limits: ChunkLimits): ChunkReader {
  const state: ChunkReaderState = {
    streams: new Map(),
    limits,
    input: NOTHING,
    offset: 0,
    chunkBytes: DEFAULT_CHUNK_BYTES,
    current: null,
    missing: 0,
    pendingBytes: 0,
  }
  return {
    append: (bytes) => {
      const { input, offset } = state
      state.input = offset === input.length ? bytes : Buffer.concat([input.subarray(offset), bytes])
      state.offset = 0
    },
    next: () => readMessage(state),
    setLimits: (changed) => {
      state.limits = changed
    },
  }
}

function readMessage(state: ChunkReaderState): RtmpMessage | null {
  for (;;) {
    state.current ??= openChunk(state)
    const stream = state.current
    if (stream === null) return null
    readPayload(state, stream)
    if (state.missing > 0) return null
    state.current = null
    if (stream.received < stream.length) continue
    const message = completeMessage(state, stream)
    if (!applyControl(state, message)) return message
  }
}

/** Reads a chunk's header. Returns `null` where bytes are missing. */
function openChunk(state: ChunkReaderState): ChunkStream | null {
  const header = readChunkHeader(state.input, state.offset)
  if (header === null) return null
  const stream = findStream(state.streams, header)
  const repeatedBytes = measureRepeatedTime(state, stream, header)
  if (repeatedBytes === null) return null
  if (stream.body === null) beginMessage(stream, header, state.limits)
  else if (header.format !== 3) throw new RtmpError('a message begins inside another one of its chunk stream')
  state.offset += header.bytes + repeatedBytes
  state.missing = Math.min(state.chunkBytes, stream.length - stream.received)
  return stream
}

/**
 * Returns the size of the extended timestamp that a type 3 chunk repeats (RTMP 1.0 §5.3.1.3); `null` where bytes are
 * missing. Some encoders omit it: then the payload stands there.
 */
function measureRepeatedTime(state: ChunkReaderState, stream: ChunkStream, header: ChunkHeader): 0 | 4 | null {
  if (header.format !== 3 || !stream.isExtended) return 0
  const at = state.offset + header.bytes
  if (state.input.length - at < 4) return null
  return state.input.readUInt32BE(at) === stream.time ? 4 : 0
}

function findStream(streams: Map<number, ChunkStream>, { chunkStreamId, format }: ChunkHeader): ChunkStream {
  const known = streams.get(chunkStreamId)
  if (known !== undefined) return known
  // librtmp begins a chunk stream with format 1.
  if (format > 1) throw new RtmpError('a chunk continues a chunk stream that has not begun')
  if (streams.size >= MAX_CHUNK_STREAMS) throw new RtmpError(`more than ${MAX_CHUNK_STREAMS} chunk streams`)
  const stream = { timestamp: 0, time: 0, isExtended: false, length: 0, type: 0, streamId: 0, body: null, received: 0 }
  streams.set(chunkStreamId, stream)
  return stream
}

/** Applies the header of a message's first chunk. What it leaves out stays as it was in the message before. */
function beginMessage(stream: ChunkStream, header: ChunkHeader, limits: ChunkLimits): void {
  const length = header.length ?? stream.length
  if (length > limits.messageBytes) throw new RtmpError(`a message of ${length} bytes is too large`)
  if (header.time !== null) {
    stream.time = header.time
    stream.isExtended = header.isExtended
  }
  stream.timestamp = header.format === 0 ? stream.time : (stream.timestamp + stream.time) % 2 ** 32
  stream.length = length
  stream.type = header.type ?? stream.type
  stream.streamId = header.streamId ?? stream.streamId
  stream.body = Buffer.allocUnsafe(Math.min(length, Math.ceil(limits.messageBytes * FIRST_BODY_SHARE)))
  stream.received = 0
}

function readPayload(state: ChunkReaderState, stream: ChunkStream): void {
  const count = Math.min(state.missing, state.input.length - state.offset)
  state.pendingBytes += count
  if (state.pendingBytes > state.limits.pendingBytes) throw new RtmpError('too many messages are incomplete')
  const body = reserve(stream, stream.received + count)
  state.input.copy(body, stream.received, state.offset, state.offset + count)
  stream.received += count
  state.offset += count
  state.missing -= count
}

/** Returns the message's memory, which has room for `bytes`. */
function reserve(stream: ChunkStream, bytes: number): Buffer {
  const body = stream.body ?? NOTHING
  if (body.length >= bytes) return body
  const larger = Buffer.allocUnsafe(Math.min(stream.length, Math.max(bytes, body.length * 2)))
  body.copy(larger, 0, 0, stream.received)
  stream.body = larger
  return larger
}

function completeMessage(state: ChunkReaderState, stream: ChunkStream): RtmpMessage {
  const { type, streamId, timestamp, length } = stream
  const body = (stream.body ?? NOTHING).subarray(0, length)
  dropPending(state, stream)
  return { type, streamId, timestamp, body }
}

function dropPending(state: ChunkReaderState, stream: ChunkStream): void {
  state.pendingBytes -= stream.received
  stream.body = null
  stream.received = 0
}

/** Applies a message that concerns the chunks themselves (RTMP 1.0 §5.4). Returns whether it was one. */
function applyControl(state: ChunkReaderState, { type, body }: RtmpMessage): boolean {
  if (type === MESSAGE_TYPE.setChunkSize) {
    state.chunkBytes = readChunkSize(body)
    return true
  }
  if (type !== MESSAGE_TYPE.abort) return false
  const aborted = body.length < 4 ? undefined : state.streams.get(body.readUInt32BE())
  if (aborted !== undefined) dropPending(state, aborted)
  return true
}

function readChunkSize(body: Buffer): number {
  const size = body.length < 4 ? 0 : body.readUInt32BE()
  if (size < 1 || size > 0x7fffffff) throw new RtmpError('the chunk size is out of range')
  return Math.min(size, MAX_CHUNK_BYTES)
}
